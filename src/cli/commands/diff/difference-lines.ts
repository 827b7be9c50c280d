import { printableName } from '../../../base/text/printable-name.js';
import type { DifferentField, TreeDifference } from '../../../overlay/compare/compare-trees.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { Tree } from '../../../overlay/tree.js';
import { formatSize } from '../../terminal/wording/size.js';

/** What a line begins with. */
export type Sign = '+' | '-' | '~' | '!';

/** The trees of both images. */
export interface ComparedTrees {
  from: Tree;
  to: Tree;
}

/** Returns what stands before a difference: `!` if its contents could not be compared. */
function signOf({ from, to, error }: TreeDifference): Sign {
  if (error) return '!';
  return from === 0 ? '+' : to === 0 ? '-' : '~';
}

/** `~ /path  mode 0644 -> 0755, size 1.2 KiB -> 1.3 KiB` */
export function differenceLine(difference: TreeDifference, trees: ComparedTrees): string {
  const { from, to, fields, error } = difference;
  const name = printableName(joinPath(difference.names));
  const line = `${signOf(difference)} ${name}`;
  if (from === 0 || to === 0) {
    const isDirectory = (from === 0 ? trees.to.kind(to) : trees.from.kind(from)) === 'dir';
    return isDirectory && !name.endsWith('/') ? `${line}/` : line;
  }
  const texts = fields
    .filter((field) => field !== 'content' || !fields.includes('size')) // another size says it
    .map((field) => fieldText(field, trees, from, to));
  return `${line}  ${[...texts, ...(error ? ['could not be compared'] : [])].join(', ')}`;
}

/** `mode 0644 -> 0755`; contents and extended attributes only by their name. */
function fieldText(field: DifferentField, { from, to }: ComparedTrees, a: number, b: number): string {
  if (field === 'content' || field === 'xattrs') return field;
  let [some, other] = [valueText(field, from, a), valueText(field, to, b)];
  // Rounded sizes may be alike.
  if (field === 'size' && some === other) [some, other] = [`${from.size(a)} B`, `${to.size(b)} B`];
  return `${field} ${some} -> ${other}`;
}

function valueText(field: Exclude<DifferentField, 'content' | 'xattrs'>, tree: Tree, inode: number): string {
  switch (field) {
    case 'kind':
      return tree.kind(inode);
    case 'mode':
      return tree.mode(inode).toString(8).padStart(4, '0');
    case 'owner':
      return `${tree.uid(inode)}:${tree.gid(inode)}`;
    case 'size':
      return formatSize(tree.size(inode));
    case 'target':
      return printableName(tree.linkTarget(inode));
    case 'device':
      return `${tree.deviceMajor(inode)}:${tree.deviceMinor(inode)}`;
    case 'mtime':
      return timeText(tree.mtimeSeconds(inode), tree.mtimeNanoseconds(inode));
  }
}

/** Milliseconds either way of 1970 that Date knows (ECMA-262, 21.4.1.1). */
const DATE_LIMIT_MS = 8.64e15;

/** `2026-11-21T15:04:05Z`, with nanoseconds if there are any. */
function timeText(seconds: number, nanoseconds: number): string {
  const fraction = nanoseconds > 0 ? `.${String(nanoseconds).padStart(9, '0')}` : '';
  const ms = seconds * 1000;
  if (Math.abs(ms) > DATE_LIMIT_MS) return `@${seconds}${fraction}`;
  return `${new Date(ms).toISOString().slice(0, -'.000Z'.length)}${fraction}Z`;
}
