import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { codecNamed } from '#src/codec/codecs.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import type { ChunkColumns, LayerIndex } from '#src/index/layer-index.js';
import type { Descriptor } from '#src/oci/descriptor.js';
import { announcedTables, type TableAnnouncement } from '#src/tables/announcement.js';
import { readTable, type TableRead } from '#src/tables/table.js';

const SAMPLES = new URL('samples/', import.meta.url);

export function sample(name: string): Buffer {
  return readFileSync(new URL(name, SAMPLES));
}

export function descriptorOf(name: string): Descriptor {
  return JSON.parse(sample('layers.json').toString())[name];
}

/** A layer of which only the end and the first bytes are known: zeros are between. */
export class LayerEnd {
  reads: [offset: number, length: number][] = [];

  constructor(
    readonly size: number,
    private readonly end: Uint8Array,
    private readonly magic: readonly number[],
  ) {}

  static of(name: string): LayerEnd {
    const { size, mediaType } = descriptorOf(name);
    return new LayerEnd(size, sample(name), mediaType.endsWith('zstd') ? MAGIC.zstd : MAGIC.gzip);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.reads.push([offset, length]);
    const bytes = new Uint8Array(length);
    for (const [i, byte] of this.magic.entries())
      if (i >= offset && i < offset + length) bytes[i - offset] = byte;
    const start = this.size - this.end.length;
    const from = Math.max(start, offset);
    if (from < offset + length)
      bytes.set(this.end.subarray(from - start, offset + length - start), from - offset);
    return bytes;
  }
}

export const MAGIC = { gzip: [0x1f, 0x8b, 8], zstd: [0x28, 0xb5, 0x2f, 0xfd] };

export type TableInLayer = Exclude<TableAnnouncement, { format: 'soci' }>;

/** The index from the table of a sample. */
export async function readSample(name: string): Promise<TableRead> {
  const layer = descriptorOf(name);
  const [announcement] = announcedTables(layer, {});
  const source = name.endsWith('.end') ? LayerEnd.of(name) : wholeLayer(sample(name));
  return readTable(announcement as TableInLayer, source, { digest: layer.digest, blobSize: layer.size });
}

export function wholeLayer(bytes: Uint8Array) {
  return {
    size: bytes.length,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
}

/** The index as its file has it. */
export function stored({ index }: TableRead): LayerIndex {
  return decodeLayerIndex((offset, length) => index.bytes.slice(offset, offset + length));
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** All of a row but its place, with xattrs in the order of their names. */
export function rowOf({ entries }: Pick<LayerIndex, 'entries'>, row: number) {
  const device = [entries.deviceMajor(row), entries.deviceMinor(row)];
  return {
    kind: entries.kind(row),
    path: latin1(entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row))),
    link: latin1(entries.linkTarget(row)),
    mode: entries.mode(row),
    owner: [entries.uid(row), entries.gid(row)],
    size: entries.size(row),
    time: [entries.mtimeSeconds(row), entries.mtimeNanoseconds(row)] as [number, number],
    device,
    xattrs: entries
      .xattrs(row)
      .map(({ name, value }) => `${latin1(name)}=${latin1(value)}`)
      .sort(),
  };
}

export function rowsOf(index: Pick<LayerIndex, 'entries'>): ReturnType<typeof rowOf>[] {
  return Array.from({ length: index.entries.length }, (_, row) => rowOf(index, row));
}

export function chunksOf({ verification }: Pick<LayerIndex, 'verification'>): ChunkColumns {
  if (verification.kind !== 'chunks') throw new Error(`verified by ${verification.kind}`);
  return verification.chunks;
}

/** Decodes a chunk from its member or frame alone. */
export function chunkBytes(codec: string, blob: Uint8Array, chunks: ChunkColumns, number: number): Buffer {
  const size = chunks.sizes[number]!;
  if (chunks.inEnds[number] === 0) return Buffer.alloc(size);
  const cursor = codecNamed(codec).cursor();
  const inOffset = chunks.inOffsets[number]!;
  cursor.seek({ inOffset, outOffset: 0, state: new Uint8Array(0) });
  const input = blob.subarray(inOffset, chunks.inEnds[number]);
  const bytes = Buffer.alloc(chunks.innerOffsets[number]! + size);
  let taken = 0;
  for (let done = 0; done < bytes.length; ) {
    const length = cursor.read(bytes.subarray(done));
    done += length;
    if (length > 0) continue;
    if (taken === input.length) throw new Error(`chunk ${number} is cut short`);
    const isLast = taken + 100_000 >= input.length;
    taken += cursor.push(input.subarray(taken, taken + 100_000), isLast);
  }
  return bytes.subarray(chunks.innerOffsets[number]);
}

export function chunkDigest({ digests }: ChunkColumns, number: number): string {
  return Buffer.from(digests.subarray(32 * number, 32 * number + 32)).toString('hex');
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
