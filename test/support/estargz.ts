import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { LayerToPush } from './registry.js';
import { DEFAULT_MTIME, dir, file, symlink, tarOf, unterminated } from './tar.js';

/** A member of a layer. The path of a directory ends in a slash. */
export interface StargzEntry {
  path: string;
  content?: string | Uint8Array; // of a file
  target?: string; // of a symlink
}

/** An entry of a table, as JSON. */
export type TocJson = Record<string, unknown> & { name: string };

export interface StargzOptions {
  /** Makes the table lie: returns its entries. */
  lie?: (entries: TocJson[]) => TocJson[];
  mtime?: number | string; // seconds, of all entries
}

const MODES = { dir: 0o755, reg: 0o644, symlink: 0o777 };

const sha256 = (bytes: Uint8Array | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * A layer in the format of eStargz, as stargz-snapshotter writes it: each file's content begins a
 * gzip member, then come the table in one and the footer.
 */
export function estargz(
  entries: readonly StargzEntry[],
  { lie = (toc) => toc, mtime = DEFAULT_MTIME }: StargzOptions = {},
): LayerToPush & { annotations: Record<string, string> } {
  const blob: Buffer[] = [];
  let size = 0;
  let pending = Buffer.alloc(0); // of the tar, for the next member
  const flush = () => {
    if (pending.length === 0) return;
    blob.push(gzipSync(pending));
    size += blob.at(-1)!.length;
    pending = Buffer.alloc(0);
  };
  const modtime = new Date(Math.floor(Number(mtime)) * 1000).toISOString().replace('.000Z', 'Z');
  const toc = entries.map(({ path, content = '', target }): TocJson => {
    const type = target !== undefined ? 'symlink' : path.endsWith('/') ? 'dir' : 'reg';
    const common = { name: path, type, modtime, mode: MODES[type], uid: 0, gid: 0 };
    if (type === 'dir') pending = Buffer.concat([pending, unterminated(dir(path, { mtime }))]);
    if (target !== undefined) {
      pending = Buffer.concat([pending, symlink(path, target, { mtime })]);
      return { ...common, linkName: target };
    }
    if (type === 'dir') return common;
    const bytes = Buffer.from(content);
    const member = file(path, bytes, { mtime });
    if (bytes.length === 0) {
      pending = Buffer.concat([pending, member]);
      return common;
    }
    const contentAt = member.length - Math.ceil(bytes.length / 512) * 512;
    pending = Buffer.concat([pending, member.subarray(0, contentAt)]);
    flush();
    pending = member.subarray(contentAt) as Buffer<ArrayBuffer>;
    const digest = sha256(bytes);
    return { ...common, size: bytes.length, offset: size, digest, chunkDigest: digest };
  });
  flush();
  const json = JSON.stringify({ version: 1, entries: lie(toc) });
  const table = gzipSync(tarOf(file('stargz.index.json', json)));
  return {
    bytes: Buffer.concat([...blob, table, footer(size)]),
    annotations: { 'containerd.io/snapshot/stargz/toc.digest': sha256(json) },
  };
}

/** An empty gzip member whose Extra field has the table's offset. (estargz.md) */
function footer(offset: number): Buffer {
  const extra = `SG\x16\0${offset.toString(16).padStart(16, '0')}STARGZ`;
  const head = Buffer.from('\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0', 'latin1');
  return Buffer.concat([head, Buffer.from(extra), Buffer.from('\x01\0\0\xff\xff\0\0\0\0\0\0\0\0', 'latin1')]);
}
