import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { pathOf } from '../../model/raw-path.js';

/**
 * Returns an entry of one layer's own tree with what the layers above do to it. In its layer it is
 * live.
 * @param merged the same path through all layers; undefined: not known yet
 */
export function withFate(own: StatRecord, layer: number, merged: StatRecord | undefined): StatRecord {
  const version = merged?.versions.find((one) => one.layer === layer)?.entry;
  if (merged === undefined || version === undefined || version.state === 'live') return own;
  const { state, hiddenBy, how } = version;
  return { ...own, entry: { ...own.entry, state, hiddenBy, how }, versions: merged.versions };
}

/** Returns the query for an entry's content. What is hidden is only in its layer's own tree. */
export function contentQuery<Image extends object>(
  entry: EntryRecord,
  image: Image,
  layer: number | undefined,
): Image & { path: string; layer: number | undefined } {
  const own = entry.state === 'live' ? layer : entry.layer;
  return { ...image, path: pathOf(entry), layer: own };
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
