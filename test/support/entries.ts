import type { Layer } from '#src/engine/layer.js';
import { OWN } from '#src/index/cached-indexes.js';
import type { EntryTable } from '#src/index/entry-table.js';
import type { Digest } from '#src/oci/digest.js';
import type { EntryKind } from '#src/tar/entry.js';

/** Doubles of an entry table and a layer, made from lists of entries as of an archive. */

/** A name or target: text is taken as UTF-8. */
export type Bytes = string | Uint8Array;

export interface Attrs {
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: number; // seconds
  mtimeNanoseconds?: number;
  xattrs?: Record<string, Bytes>;
}

export interface TestEntry extends Attrs {
  kind: EntryKind;
  path: Uint8Array;
  content: Uint8Array; // logical, holes filled
  linkTarget: Uint8Array;
  deviceMajor: number;
  deviceMinor: number;
  sparse: Float64Array | undefined;
}

export function bytes(text: Bytes): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

function entry(kind: EntryKind, path: Bytes, attrs: Attrs = {}, more: Partial<TestEntry> = {}): TestEntry {
  const none = new Uint8Array(0);
  const blank = { content: none, linkTarget: none, deviceMajor: 0, deviceMinor: 0, sparse: undefined };
  return { ...blank, kind, path: bytes(path), ...attrs, ...more };
}

export const file = (path: Bytes, content: Bytes = '', attrs?: Attrs) =>
  entry('file', path, attrs, { content: bytes(content) });
export const dir = (path: Bytes, attrs?: Attrs) => entry('dir', path, attrs);
export const symlink = (path: Bytes, target: Bytes, attrs?: Attrs) =>
  entry('symlink', path, attrs, { linkTarget: bytes(target) });
export const hardlink = (path: Bytes, target: Bytes, attrs?: Attrs) =>
  entry('hardlink', path, attrs, { linkTarget: bytes(target) });
export const fifo = (path: Bytes, attrs?: Attrs) => entry('fifo', path, attrs);
export const char = (path: Bytes, deviceMajor: number, deviceMinor: number, attrs?: Attrs) =>
  entry('char', path, attrs, { deviceMajor, deviceMinor });
export const block = (path: Bytes, deviceMajor: number, deviceMinor: number, attrs?: Attrs) =>
  entry('block', path, attrs, { deviceMajor, deviceMinor });

/**
 * `segments` lists `[offset, length, …]` of the data in `content`. The rest of it must be zeros.
 */
export const sparseFile = (path: Bytes, content: Bytes, segments: number[], attrs?: Attrs) =>
  entry('file', path, attrs, { content: bytes(content), sparse: Float64Array.from(segments) });

/** The marker that hides `path`. */
export function whiteout(path: string): TestEntry {
  const slash = path.lastIndexOf('/') + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`);
}

/** The marker that hides what lower layers have in `directory` ('' is the root). */
export const opaque = (directory: string) => file(`${directory === '' ? '' : `${directory}/`}.wh..wh..opq`);

export function entriesOf(...entries: TestEntry[]): EntryTable {
  const starts: number[] = [];
  let used = 0;
  for (const { path } of entries) {
    starts.push(used);
    used += path.length;
  }
  const at = (row: number): TestEntry => {
    const found = entries[row];
    if (found === undefined) throw new RangeError(`no row ${row} of ${entries.length}`);
    return found;
  };
  return {
    length: entries.length,
    kind: (row) => at(row).kind,
    mode: (row) => at(row).mode ?? (at(row).kind === 'dir' ? 0o755 : 0o644),
    uid: (row) => at(row).uid ?? 0,
    gid: (row) => at(row).gid ?? 0,
    size: (row) => at(row).content.length,
    mtimeSeconds: (row) => at(row).mtime ?? 0,
    mtimeNanoseconds: (row) => at(row).mtimeNanoseconds ?? 0,
    deviceMajor: (row) => at(row).deviceMajor,
    deviceMinor: (row) => at(row).deviceMinor,
    dataOffset: (row) => row * 512,
    storedSize: (row) => storedSize(at(row)),
    pathHeap: Buffer.concat(entries.map(({ path }) => path)),
    pathStart: (row) => starts[row]!,
    pathEnd: (row) => starts[row]! + at(row).path.length,
    linkTarget: (row) => at(row).linkTarget,
    xattrs: (row) =>
      Object.entries(at(row).xattrs ?? {}).map(([name, value]) => ({
        name: bytes(name),
        value: bytes(value),
      })),
    sparse: (row) => at(row).sparse,
  };
}

function storedSize({ content, sparse }: TestEntry): number {
  return sparse === undefined
    ? content.length
    : sparse.reduce((sum, number, i) => (i % 2 === 1 ? sum + number : sum), 0);
}

/** A layer of these entries, whose reads are synchronous; its digest is that of layer `number`. */
export function layerWith(number: number, ...entries: TestEntry[]): Layer {
  return {
    digest: `sha256:${number.toString(16).padStart(64, '0')}` as Digest,
    origin: OWN,
    fingerprint: 0,
    entries: entriesOf(...entries),
    read(row, offset, length) {
      const { content, kind } = entries[row]!;
      if (kind !== 'file' || offset < 0 || offset + length > content.length) {
        throw new RangeError(`reading ${length} bytes at ${offset} of a ${kind} of ${content.length}`);
      }
      return content.subarray(offset, offset + length);
    },
  };
}

/** The layer with reads that come later, as those do that fetch. */
export function lazily(layer: Layer): Layer {
  return {
    ...layer,
    read: async (row, offset, length, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      return layer.read(row, offset, length, signal);
    },
  };
}
