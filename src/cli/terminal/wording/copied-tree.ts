import { printable } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import type { CarvedTree } from '../../../carve/tree-carver.js';
import { type ImageView, type OpenedImage, uncomparedLayers } from '../../../image/opened-image.js';
import { nameFields } from '../../../image/records/entry-record.js';
import type { CommandContext } from '../../command.js';
import type { SessionUse } from '../../image-session-command.js';
import { fetchedText, imageTitle } from './result-line.js';
import { countText, formatSize } from './size.js';

/** What `cp` or `export` wrote. */
export interface CopiedTree {
  image: OpenedImage;
  view: ImageView;
  path: Uint8Array; // in the image, absolute
  carved: CarvedTree;
  output: string; // where it is
  isStream?: boolean; // perhaps /dev/stdout: the line goes to stderr
}

/** Shows the result of a copy: one line, for programs one object. */
export function showCopied(
  { image, view, path, carved, output, isStream = false }: CopiedTree,
  { session, display }: SessionUse,
  { output: { choices }, startedMs }: CommandContext,
): void {
  const { reference, digest } = image.resolved;
  const { bytesFetched } = session.metrics();
  const elapsedMs = performance.now() - startedMs;
  if (choices.json) {
    display.json({
      reference,
      digest,
      ...nameFields('path', path),
      files: carved.files,
      size: carved.bytes,
      output,
      verified: uncomparedLayers(view.layers).length === 0,
      bytesFetched,
      elapsedMs: Math.round(elapsedMs),
    });
    return;
  }
  // `IMAGE@DIGEST: /etc (212 files, 1.1 MiB) in nginx/etc, 19.8 MiB fetched in 1.9 s`
  const files = `${countText(carved.files, 'file')}, ${formatSize(carved.bytes)}`;
  const where = `${printableName(path)} (${files}) in ${printable(output)}`;
  const line = `${imageTitle(image.resolved)}: ${where}, ${fetchedText(bytesFetched, elapsedMs)}`;
  if (isStream) display.say(line);
  else display.done(line);
}
