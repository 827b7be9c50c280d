import type { Command } from '../command.js';
import { dockerfileText } from '../dockerfile-text.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../image-options.js';
import { imageRecord, imageTables } from '../image-report.js';
import { withSession } from '../image-session-command.js';
import type { OptionTable } from '../option-table.js';
import { usageError } from '../usage-error.js';

const OPTIONS = {
  dockerfile: { kind: 'flag', summary: 'only the build steps, as Dockerfile-like text' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const inspect: Command<typeof OPTIONS> = {
  name: 'inspect',
  summary: 'platforms, config, build steps and layers of an image',
  synopsis: 'inspect [OPTIONS] IMAGE',
  description:
    'Shows the manifest and config of IMAGE: the platforms of an image index and which was chosen, how a\n' +
    'container of it is run, the build steps (those that made no layer are metadata only) and the layers with their\n' +
    'compressed sizes. No layer is fetched. --dockerfile prints what the history remembers of the Dockerfile.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE', each: [{ takes: 'image' }] },
  examples: [
    'layerslayer inspect nginx:alpine',
    "layerslayer inspect --json --platform linux/arm64 debian:12 | jq -r '.layers[].digest'",
  ],
  failures: IMAGE_FAILURES,
  run(values, [name], context) {
    if (values.dockerfile && values.json) throw usageError('--dockerfile and --json exclude each other');
    return withSession(name!, values, context, async ({ session, reference, platform, signal, display }) => {
      const image = await session.resolve(reference, platform, signal);
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
