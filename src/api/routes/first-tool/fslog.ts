import { z } from '@hono/zod-openapi';
import { bytesOfText } from '../../../base/text/raw-text.js';
import { ATTRIBUTES_HEADING, longLine } from '../../../image/records/entry-lines.js';
import { type ListedEntry, shownEntry } from '../../../image/records/entry-record.js';
import { askedPath, missingPathError, resolvePath } from '../../../overlay/resolve-path.js';
import type { Tree } from '../../../overlay/tree.js';
import type { ImageLease } from '../../images/served-images.js';
import { ascending, sortInTurns } from '../../listing/sort-in-turns.js';
import { type Route, route } from '../../routing/route.js';
import { PATH_PARAMETER } from '../../schemas/parameters.js';
import type { ServerState } from '../../server-state.js';
import { doubtLine, lease, viewOf } from './open-image.js';
import { layerNumber, OLD_IMAGE, OLD_LAYER, textAnswer } from './parameters.js';
import { blocksOf, type TextBlocks, textReply } from './text-reply.js';

/** Columns of a name, as in the first tool: what comes after it lines up. */
const NAME_WIDTH = 50;

export function fslogRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/fslog',
      summary: 'the first tool’s listing of a directory, merged or of one layer',
      query: z.object({
        ...OLD_IMAGE,
        path: PATH_PARAMETER.default('/'),
        layer: OLD_LAYER.optional(),
      }),
      answers: { 200: textAnswer('a line a name, which ends with the layer it comes from: [L0]') },
      async handle(call) {
        const { image, platform, path, layer } = call.query;
        const leased = await lease(state, state.rules.asked(image, platform), call);
        const number = layer === undefined ? undefined : layerNumber(leased.opened.resolved, layer);
        return textReply(listing(leased, number, bytesOfText(path), call.signal));
      },
    }),
  ];
}

/** @throws LayerslayerError NOT_FOUND; as `viewOf` */
async function* listing(
  leased: ImageLease,
  layer: number | undefined,
  path: Uint8Array,
  signal: AbortSignal,
): TextBlocks {
  const { tree, layers } = await viewOf(leased, layer, signal);
  const resolved = resolvePath(tree, askedPath(path));
  if (resolved.kind !== 'found') throw missingPathError(resolved, path);
  const { inode, names } = resolved;
  const isDirectory = tree.kind(inode) === 'dir';
  const lines = isDirectory
    ? dentryLines(tree, await sortedNames(tree, inode, signal))
    : [lineOf(tree, inode, names.at(-1)!)];
  yield* blocksOf(lines, signal);
  const doubt = doubtLine(layers);
  if (doubt !== undefined) yield `${doubt}\n`;
}

/** Returns the dentries of a directory by the bytes of their names. */
function sortedNames(tree: Tree, directory: number, signal: AbortSignal): Promise<Uint32Array> {
  const dentries = ascending(tree.childStart(directory), tree.childEnd(directory));
  return sortInTurns(dentries, (a, b) => Buffer.compare(tree.dentryName(a), tree.dentryName(b)), signal);
}

function* dentryLines(tree: Tree, dentries: Uint32Array): Generator<string, void, undefined> {
  for (const dentry of dentries) yield lineOf(tree, tree.dentryInode(dentry), tree.dentryName(dentry));
}

function lineOf(tree: Tree, inode: number, name: Uint8Array): string {
  return `${paddedLine(shownEntry(tree, inode), name)} [L${tree.layerOf(inode) - 1}]`;
}

/** A line as of `ls -la`, padded so that what comes after it lines up. */
export function paddedLine(entry: ListedEntry, name: Uint8Array): string {
  return longLine(entry, name).padEnd(ATTRIBUTES_HEADING.length + 1 + NAME_WIDTH);
}
