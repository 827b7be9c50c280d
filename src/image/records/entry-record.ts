import { utf8Text } from '../../base/text/printable-name.js';
import type { EntryTable } from '../../index/entry-table.js';
import type { Digest } from '../../oci/digest.js';
import type { HiddenEntry } from '../../overlay/history/hidden-entries.js';
import { attributesOf, SYMLINK_MODE, type Tree } from '../../overlay/tree.js';
import type { TarEntry } from '../../tar/entry.js';

/** What a listing shows of an entry beside its name. */
export type ListedEntry = Omit<TarEntry, 'path' | 'xattrs' | 'dataOffset' | 'storedSize' | 'sparse'> & {
  /** Set for a directory that no entry names: its attributes are defaults. (rule O1) */
  isImplied?: true;
};

/** Target of an entry that is no link. */
const NO_TARGET = new Uint8Array(0);

/** A directory that no entry names. (rule O1) */
export const IMPLIED_DIRECTORY: ListedEntry = {
  kind: 'dir',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  linkTarget: NO_TARGET,
  isImplied: true,
};

/** @param at a row of the table, or an inode of the tree */
export function listedEntry(from: EntryTable | Tree, at: number): ListedEntry {
  const kind = from.kind(at);
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const isImplied = 'rowOf' in from && from.rowOf(at) < 0;
  return {
    kind,
    ...attributesOf(from, at),
    linkTarget: isLink ? from.linkTarget(at) : NO_TARGET,
    ...(isImplied && { isImplied }),
  };
}

/** As `listedEntry`, with mode and size as a mount shows them. */
export function shownEntry(from: EntryTable | Tree, at: number): ListedEntry {
  const entry = listedEntry(from, at);
  if (entry.kind === 'symlink') entry.mode = SYMLINK_MODE;
  if (entry.kind !== 'file') entry.size = 0;
  return entry;
}

/** Returns an entry for programs. Names that are not UTF-8 are also given in base64. */
export function entryRecord(entry: ListedEntry, path: Uint8Array): Record<string, unknown> {
  const { kind, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, deviceMajor, deviceMinor } = entry;
  const { isImplied = false } = entry;
  const isLink = kind === 'symlink' || kind === 'hardlink';
  return {
    ...nameFields('path', path),
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime: mtimeSeconds,
    ...(mtimeNanoseconds > 0 && { mtimeNanoseconds }),
    ...(isLink && nameFields('target', entry.linkTarget)),
    ...((kind === 'char' || kind === 'block') && { device: [deviceMajor, deviceMinor] }),
    ...(isImplied && { implied: true }),
  };
}

export function nameFields(field: string, name: Uint8Array): Record<string, string> {
  const text = utf8Text(name);
  if (text !== undefined) return { [field]: text };
  return { [field]: Buffer.from(name).toString(), [`${field}Base64`]: Buffer.from(name).toString('base64') };
}

/** Where an entry stands in an image. */
export interface EntryPlace {
  layer: number; // from 1; 0: the root of an image without layers
  layerDigest: Digest | undefined; // undefined: layer 0
  /** By which layer it is hidden, and how; undefined: the image shows it. */
  hidden?: Pick<HiddenEntry, 'hiddenBy' | 'how'> | undefined;
}

/** Returns whether an image shows an entry, or what took it away. */
export function entryState({ hidden }: EntryPlace): 'live' | 'deleted' | 'overridden' {
  if (!hidden) return 'live';
  return hidden.how === 'replaced' ? 'overridden' : 'deleted';
}

/**
 * Returns an entry for programs, with its place in the image: a line of `ls --json`.
 * @param doubt `verified: false` if the index was not compared with its layer
 */
export function placedRecord(
  entry: ListedEntry,
  path: Uint8Array,
  place: EntryPlace,
  doubt: object = {},
): Record<string, unknown> {
  const { layer, layerDigest, hidden } = place;
  const state = entryState(place);
  return { layer, layerDigest, state, ...hidden, ...doubt, ...entryRecord(entry, path) };
}
