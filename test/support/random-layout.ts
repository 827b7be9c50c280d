import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { noise } from '../blob/bytes.js';
import { builtStack, plannedLayers } from '../overlay/built-layers.js';
import type { TestEntry } from './entries.js';
import { type OciLayout, writeLayout } from './oci-layout.js';
import { OCI_LAYER_GZIP, sha256 } from './registry.js';
import * as tar from './tar.js';

const MODES = [0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1777, 0o000];
const OWNERS = [0, 7, 1000, 2 ** 21 + 5, 2 ** 31 + 1];
const SIZES = [0, 1, 511, 512, 70_000, 1_200_000];
/** Bytes that only PAX records hold, and names past 100 bytes. */
const SUFFIXES = ['', '', Buffer.from('\xff\n', 'latin1'), 'é'.repeat(60)];

/**
 * Writes an image of random trees, with all kinds of entries and attributes, as a layout.
 * @returns the layout, which umoci can unpack
 */
export function randomImage(directory: string, seed: number): Promise<OciLayout> {
  const [plans] = fc.sample(plannedLayers, { seed, numRuns: 1 });
  const built = builtStack(plans!).map((entries, number) => {
    const bytes = layerOf(entries, seed + number);
    const path = join(directory, `layer-${seed}-${number}`);
    writeFileSync(path, gzipSync(bytes, { level: 1 }));
    return { path, diffId: sha256(bytes), mediaType: OCI_LAYER_GZIP };
  });
  return writeLayout(join(directory, `layout-${seed}`), 'latest', built);
}

/** A layer of these entries, and a directory of its own with what they have not. */
function layerOf(entries: readonly TestEntry[], seed: number): Buffer {
  const owner = (at: number) => ({ uid: OWNERS[at % 5]!, gid: OWNERS[(at + 1) % 5]! });
  const more = SIZES.flatMap((size, i) => {
    const at = seed + i;
    const name = Buffer.concat([Buffer.from(`own-${seed}/f${i}`), toBytes(SUFFIXES[at % 4]!)]);
    const attributes = {
      mode: MODES[at % 7]!,
      ...owner(at),
      mtime: `${at % 1_500_000_000}.${123456789 + i}`,
      ...(i % 2 === 0 && { xattrs: { 'user.a': Buffer.from([0, at & 0xff, 10]), 'trusted.b': 'x=y' } }),
    };
    return [tar.file(name, noise(size, at), attributes), tar.hardlink(`own-${seed}/l${i}`, name, attributes)];
  });
  const own = { mtime: '1234567890.987654321' };
  return tar.tarOf(
    ...entries.map((entry) => memberOf(entry)),
    tar.dir(`own-${seed}/`, { ...own, mode: 0o1750, xattrs: { 'user.dir': 'd' } }),
    ...more,
    tar.char(`own-${seed}/char`, 1, 3, { ...own, ...owner(seed), mode: 0o666 }),
    tar.block(`own-${seed}/block`, 259, 70_000, { ...own, xattrs: { 'trusted.c': 'c' } }),
    tar.fifo(`own-${seed}/fifo`, own),
    tar.paxSparse('1.0', `own-${seed}/sparse`, 3_000_000, [{ offset: 1_500_000, data: noise(5000, seed) }]),
    tar.file(`own-${seed}/cap`, 'cap', {
      mode: 0o755,
      xattrs: { 'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex') },
    }),
  );
}

function memberOf({ kind, path, content, linkTarget, mode, mtime = 0 }: TestEntry): Buffer {
  const attributes = { ...(mode !== undefined && { mode }), mtime: `${mtime}.000000005` };
  switch (kind) {
    case 'dir':
      return tar.dir(path, attributes);
    case 'symlink':
      return tar.symlink(path, linkTarget, { ...attributes, uid: 9 });
    case 'hardlink':
      return tar.hardlink(path, linkTarget);
    case 'fifo':
      return tar.fifo(path, attributes);
    default:
      return tar.file(path, content, attributes);
  }
}

const toBytes = (bytes: tar.Bytes) => (typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
