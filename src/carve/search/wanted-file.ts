import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText, isRaw } from '../../base/text/raw-text.js';
import type { EntryTable } from '../../index/entry-table.js';
import { missingPathError, type PathTree, type Resolved } from '../../overlay/resolve-path.js';
import type { InodeKind } from '../../overlay/tree.js';
import type { KeptAttributes } from '../output/carve-target.js';

/** A path of the image whose content is wanted. */
export interface WantedFile {
  text: string | Uint8Array; // for messages: as it was asked for, or the name that a pattern matched
  path: readonly Uint8Array[]; // its components
  advice?: RefusalAdvice | undefined; // default: that of carve
}

/** What the error adds for a path that leads to no file. */
export interface RefusalAdvice {
  directory: string | undefined;
  special: string; // of a device or a fifo
}

const CARVE_ADVICE: RefusalAdvice = { directory: '-r takes it with all below it', special: 'not extracted' };

/** What an error says of a wanted file. */
type WantedText = Pick<WantedFile, 'text' | 'advice'>;

/** A regular file of the image: its location and attributes. */
export interface FoundFile extends KeptAttributes {
  layer: number; // from 1, base first
  row: number;
  names: readonly Uint8Array[]; // from the root on, symlinks resolved
  size: number; // bytes
}

/** The file of a row. Names are copied: they may be views of a tree that is released. */
export function foundFile(
  entries: EntryTable,
  { layer, row, names }: Pick<FoundFile, 'layer' | 'row' | 'names'>,
): FoundFile {
  return {
    layer,
    row,
    names: names.map((name) => new Uint8Array(name)),
    size: entries.size(row),
    mode: entries.mode(row),
    uid: entries.uid(row),
    gid: entries.gid(row),
    mtimeSeconds: entries.mtimeSeconds(row),
    mtimeNanoseconds: entries.mtimeNanoseconds(row),
  };
}

const KIND_NAMES: Record<Exclude<InodeKind, 'file' | 'dir'>, string> = {
  symlink: 'a symlink',
  char: 'a character device',
  block: 'a block device',
  fifo: 'a fifo',
};

export interface RefusalContext {
  where?: string | undefined; // what was searched; default: the image
  hint?: string | undefined; // advice for a missing path
}

/** Returns why a path leads to no file, undefined if it does. */
export function refusal(
  tree: PathTree,
  wanted: WantedText,
  resolved: Resolved,
  context?: RefusalContext,
): LayerslayerError | undefined {
  const { text } = wanted;
  if (resolved.kind !== 'found') {
    return missingPathError(resolved, typeof text === 'string' ? bytesOfText(text) : text, context);
  }
  const kind = tree.kind(resolved.inode);
  if (kind === 'file') return undefined;
  if (kind === 'dir') return directoryRefusal(wanted);
  return specialRefusal(wanted, kind);
}

export function directoryRefusal({ text, advice = CARVE_ADVICE }: WantedText): LayerslayerError {
  const more = advice.directory === undefined ? '' : `: ${advice.directory}`;
  return new LayerslayerError('INVALID_ARGUMENT', `${quoted(text)} is a directory${more}`);
}

export function specialRefusal(
  { text, advice = CARVE_ADVICE }: WantedText,
  kind: Exclude<InodeKind, 'file' | 'dir'>,
): LayerslayerError {
  const message = `${quoted(text)} is ${KIND_NAMES[kind]}: ${advice.special}`;
  return new LayerslayerError('UNSUPPORTED', message);
}

function quoted(text: WantedFile['text']): string {
  if (typeof text !== 'string') return quoteName(text);
  return isRaw(text) ? quoteName(bytesOfText(text)) : JSON.stringify(text);
}
