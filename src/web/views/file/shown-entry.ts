import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { pathOf } from '../../model/raw-path.js';

/** Returns the version of a path that the page shows: a layer's own, or the image's. */
export function shownEntry({ entry, versions }: StatRecord, layer: number | undefined): EntryRecord {
  if (layer === undefined) return entry;
  // The layer may hold nothing of the path: then the merged tree's entry is shown.
  return versions.find((version) => version.layer === layer)?.entry ?? entry;
}

/** Returns the query for an entry's content. What is hidden is only in its layer's own tree. */
export function contentQuery<Image extends object>(
  entry: EntryRecord,
  image: Image,
  layer: number | undefined,
): Image & { path: string; layer: number | undefined } {
  const { state, kind } = entry;
  // A layer may hold a directory's files without an entry for it.
  const isOfLayer = state !== 'live' || entry.layer === layer || kind === 'dir';
  const own = state === 'live' ? layer : entry.layer;
  return { ...image, path: pathOf(entry), layer: isOfLayer ? own : undefined };
}

/** `rwxr-xr-x`, with s and t. */
export function modeLetters(mode: string): string {
  const bits = Number.parseInt(mode, 8);
  const triple = (shift: number, special: number, letter: string) => {
    const [r, w, x] = [4, 2, 1].map((bit) => (bits >> shift) & bit);
    const isSpecial = (bits & special) !== 0;
    const last = isSpecial ? (x ? letter : letter.toUpperCase()) : x ? 'x' : '-';
    return `${r ? 'r' : '-'}${w ? 'w' : '-'}${last}`;
  };
  return triple(6, 0o4000, 's') + triple(3, 0o2000, 's') + triple(0, 0o1000, 't');
}

/** `root` and `daemon` are the same numbers in all images. Others are shown as numbers. */
export function ownerText({ uid, gid }: EntryRecord): string {
  const [user, group] = [uid, gid].map((id) => (id === 0 ? 'root' : String(id)));
  return user === group ? user! : `${user}:${group}`;
}
