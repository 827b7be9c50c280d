import { bytesOfText } from '../../../../../base/text/raw-text.js';
import { joinPath } from '../../../../../overlay/resolve-path.js';
import { ROOT_INODE } from '../../../../../overlay/tree.js';
import { type BrowsedTree, type EntryRef, refOf, type TreePlace } from './browsed-tree.js';

/** A text to find in names. Without a capital letter, it also finds capital letters. */
export class NamePattern {
  private constructor(
    private readonly text: string, // bytes as latin1
    private readonly ignoresCase: boolean,
  ) {}

  /** @returns undefined: an empty text */
  static parse(text: string): NamePattern | undefined {
    if (text === '') return undefined;
    // Only ASCII: the bytes of other letters have no case.
    return new NamePattern(bytesOfText(text).toString('latin1'), /^[\x20-\x40\x5b-\x7e]+$/.test(text));
  }

  matches(name: Uint8Array): boolean {
    const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
    return this.#folded(text).includes(this.text);
  }

  /** Returns what matches names of a directory: with a slash in the text, their paths. */
  in(directory: readonly Uint8Array[]): (name: Uint8Array) => boolean {
    if (!this.text.includes('/')) return (name) => this.matches(name);
    const above = joinPath(directory).toString('latin1').replace(/\/?$/, '/');
    return (name) => {
      const path = this.#folded(`${above}${Buffer.from(name).toString('latin1')}/`);
      const at = path.lastIndexOf(this.text);
      // The text ends in the name: a directory does not match with all in it.
      return at >= 0 && at + this.text.length > above.length;
    };
  }

  #folded(text: string): string {
    return this.ignoresCase ? text.toLowerCase() : text;
  }
}

export interface FoundName {
  place: TreePlace;
  isAround: boolean; // found on the way from the other end
}

/**
 * Finds the next name in the order of the screen, folded or not. Reads every name once and sorts
 * none. With none before the end, continues at the other end.
 * @param from not found itself, unless it is the only one
 */
export function findName(
  tree: BrowsedTree,
  pattern: NamePattern,
  from: TreePlace,
  direction: 'next' | 'previous',
): FoundName | undefined {
  const sign = direction === 'next' ? 1 : -1;
  let ahead: TreePlace | undefined; // the nearest one behind `from`
  let first: TreePlace | undefined; // the nearest one to the other end
  for (const { directory, name, ref } of matchesIn(tree, pattern)) {
    const place = { names: [...directory, name], ref };
    const isBefore = (other: TreePlace | undefined) => !other || sign * comparePlaces(tree, place, other) < 0;
    if (isBefore(first)) first = place;
    if (sign * comparePlaces(tree, place, from) > 0 && isBefore(ahead)) ahead = place;
  }
  if (ahead) return { place: ahead, isAround: false };
  return first && { place: first, isAround: true };
}

interface Match {
  directory: readonly Uint8Array[];
  name: Uint8Array;
  ref: EntryRef;
}

/** Visits matching names, in any order. Memory grows with the number of directories. */
function* matchesIn(tree: BrowsedTree, pattern: NamePattern): Generator<Match> {
  const merged = tree.view.tree;
  const ahead: { inode: number; names: readonly Uint8Array[] }[] = [{ inode: ROOT_INODE, names: [] }];
  for (let directory = ahead.pop(); directory; directory = ahead.pop()) {
    const end = merged.childEnd(directory.inode);
    const isMatch = pattern.in(directory.names);
    for (let dentry = merged.childStart(directory.inode); dentry < end; dentry++) {
      const name = merged.dentryName(dentry);
      if (isMatch(name)) yield { directory: directory.names, name, ref: dentry };
      const inode = merged.dentryInode(dentry);
      if (merged.kind(inode) === 'dir') ahead.push({ inode, names: [...directory.names, name] });
    }
  }
  const { hidden } = tree;
  if (!hidden) return;
  for (const group of hidden.groups()) {
    const isMatch = pattern.in(group.names);
    for (const at of group.hidden) {
      const name = hidden.name(at);
      if (isMatch(name)) yield { directory: group.names, name, ref: refOf(at) };
    }
  }
}

/** Orders places as the screen does: parents first, names by bytes, of one path as `children`. */
function comparePlaces(tree: BrowsedTree, a: TreePlace, b: TreePlace): number {
  const shared = Math.min(a.names.length, b.names.length);
  for (let i = 0; i < shared; i++) {
    const order = Buffer.compare(a.names[i]!, b.names[i]!);
    if (order !== 0) return order;
  }
  if (a.names.length !== b.names.length || a.ref === b.ref) return a.names.length - b.names.length;
  return rank(tree, a.ref) - rank(tree, b.ref); // of one path, one entry unfolds
}

function rank(tree: BrowsedTree, ref: EntryRef): number {
  if (tree.opens(ref)) return Number.POSITIVE_INFINITY;
  return ref < 0 ? -ref : 0;
}
