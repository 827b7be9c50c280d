import { printable } from '../../../base/text/printable.js';
import { repositoryArgument } from '../../../surroundings/image-argument.js';
import type { Command } from '../../command.js';
import { withSession } from '../../image-session-command.js';
import { TAGS } from './declaration.js';

/** Options of commands that open images: no image is opened, and nothing is cached. */
const NO_IMAGE = {
  platform: undefined,
  'cache-dir': undefined,
  'cache-size': '0',
  index: undefined,
  'index-repository': undefined,
} as const;

export const tags: Command<typeof TAGS.options> = {
  ...TAGS,
  run(values, [text], context) {
    const repository = repositoryArgument(text!, context.cwd);
    const options = { ...values, ...NO_IMAGE };
    return withSession(repository, options, context, async ({ session, signal, display }) => {
      const all: string[] = [];
      for await (const page of session.tags(repository, signal)) {
        if (values.json) for (const tag of page) all.push(tag);
        else {
          display.result(page.map(printable).join('\n'));
          await context.output.flushed();
        }
        signal.throwIfAborted();
      }
      if (values.json) display.json(all, 2);
      return 0;
    });
  },
};
