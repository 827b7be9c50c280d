import type { Command } from '../../command.js';
import { withSession } from '../../image-session-command.js';
import { usageError } from '../../options/usage-error.js';
import { INSPECT } from './declaration.js';
import { dockerfileText } from './dockerfile-text.js';
import { imageRecord, imageTables } from './image-report.js';

export const inspect: Command<typeof INSPECT.options> = {
  ...INSPECT,
  run(values, [name], context) {
    if (values.dockerfile && values.json) throw usageError('--dockerfile and --json exclude each other');
    return withSession(name!, values, context, async ({ session, reference, resolve, signal, display }) => {
      const image = await resolve();
      if (values.dockerfile) {
        display.result(dockerfileText(image));
        return 0;
      }
      const offer = await session.listImages(reference, signal);
      if (values.json) display.json(imageRecord(image, offer, await session.indexOrigins(image)), 2);
      else display.result(imageTables(image, offer, context.output.resultColumns));
      return 0;
    });
  },
};
