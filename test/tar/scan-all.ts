import type { TarEntry } from '#src/tar/entry.js';
import { TarScanner } from '#src/tar/tar-scanner.js';

export interface Scan {
  entries: TarEntry[];
  warnings: string[];
  size: number;
}

/**
 * Scans a whole tar in pushes of `sizes` bytes (the last size repeats). Each push uses one small
 * memory at a changing position, which is wiped afterwards, as the inflater's memory is
 * overwritten.
 */
export function scanAll(tar: Uint8Array, ...sizes: readonly number[]): Scan {
  const entries: TarEntry[] = [];
  const warnings: string[] = [];
  const scanner = new TarScanner({
    onEntry: (entry) => entries.push(copyEntry(entry)),
    onWarning: (message) => warnings.push(message),
  });
  let turn = 0;
  for (let at = 0; at < tar.length; turn++) {
    const size = sizes[Math.min(turn, sizes.length - 1)] ?? tar.length;
    const end = Math.min(tar.length, at + size);
    const start = turn % 7;
    const memory = new Uint8Array(start + (end - at) + 3);
    memory.set(tar.subarray(at, end), start);
    scanner.push(memory, start, start + (end - at));
    memory.fill(0xaa);
    at = end;
  }
  return { entries, warnings, size: scanner.finish().size };
}

function copyEntry(entry: TarEntry): TarEntry {
  const xattrs = entry.xattrs.map(({ name, value }) => ({
    name: new Uint8Array(name),
    value: new Uint8Array(value),
  }));
  return { ...entry, path: new Uint8Array(entry.path), linkTarget: new Uint8Array(entry.linkTarget), xattrs };
}

/** The one entry of a tar. */
export function scanOne(tar: Uint8Array): TarEntry {
  const { entries } = scanAll(tar);
  if (entries.length !== 1) throw new Error(`want one entry, got ${entries.length}`);
  return entries[0]!;
}

/** A file's logical content, put together from where the entry says its data lies. */
export function contentOf(tar: Uint8Array, entry: TarEntry): Buffer {
  const stored = Buffer.from(tar.subarray(entry.dataOffset, entry.dataOffset + entry.storedSize));
  if (entry.sparse === undefined) return stored;
  const out = Buffer.alloc(entry.size);
  let at = 0;
  for (const { offset, length } of entry.sparse) {
    stored.copy(out, offset, at, at + length);
    at += length;
  }
  return out;
}
