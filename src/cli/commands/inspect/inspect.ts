import { printableJsonText } from '../../../base/text/printable.js';
import type { NamedDocument } from '../../../source/image-source.js';
import { withLocalImageHint } from '../../../surroundings/image-argument.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { usageError } from '../../options/usage-error.js';
import type { Output } from '../../terminal/output/output.js';
import { INSPECT } from './declaration.js';
import { dockerfileText } from './dockerfile-text.js';
import { imageRecord, imageTables } from './image-report.js';

/** Each shows one thing only. */
const EXCLUSIVE = ['dockerfile', 'raw', 'digest', 'json'] as const;

export const inspect: Command<typeof INSPECT.options> = {
  ...INSPECT,
  run(values, [name], context) {
    const [first, second] = EXCLUSIVE.filter((option) => values[option]);
    if (second !== undefined) throw usageError(`--${first} and --${second} exclude each other`);
    return withSession(name!, values, context, async (use) => {
      const { session, reference, resolve, signal, display } = use;
      if (values.raw || values.digest) {
        const document = await namedDocument(use, values.platform !== undefined).catch((error) => {
          throw withLocalImageHint(error, name!, context.cwd);
        });
        if (values.digest) display.result(document.digest);
        else printDocument(document, context.output);
        return 0;
      }
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

/** @param ofPlatform the manifest of the platform's image, instead of what IMAGE names */
async function namedDocument(
  { session, reference, resolve, signal }: SessionUse,
  ofPlatform: boolean,
): Promise<NamedDocument> {
  if (!ofPlatform) return session.readNamed(reference, signal);
  const image = await resolve();
  const { manifest } = await session.documents(image, signal);
  return { digest: image.digest, bytes: manifest };
}

/** Byte for byte, except on a terminal, which must not get what a manifest can hold. */
function printDocument({ bytes }: NamedDocument, output: Output): void {
  if (output.resultColumns === undefined) output.bytes(bytes);
  else output.result(printableJsonText(new TextDecoder().decode(bytes)).trimEnd());
}
