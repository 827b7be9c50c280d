import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { dir, file, hardlink, opaque, symlink, type TestEntry, whiteout } from '../support/entries.js';
import { builtStack, plannedLayers } from './built-layers.js';
import { type Merged, merge, type Stack, walk } from './trees.js';

// umoci unpacks the same layers, and what lies on disk is compared. Not asked: what overlay/RULES.md decides otherwise
// (rules O1 and O5: symlinked and implied parents; whiteout and re-creation in one layer).

const scratch: string[] = [];
afterEach(() => {
  for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const TYPE_FLAGS: Record<TestEntry['kind'], string> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  dir: '5',
  fifo: '6',
};
const BLOCK = 512;

/** A ustar archive; paths and targets up to 100 bytes. */
function tarOf(entries: readonly TestEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const header = Buffer.alloc(BLOCK);
    const octal = (value: number, offset: number, length: number) =>
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
    Buffer.from(entry.path).copy(header, 0);
    octal(entry.mode ?? (entry.kind === 'dir' ? 0o755 : 0o644), 100, 8);
    octal(entry.uid ?? 0, 108, 8);
    octal(entry.gid ?? 0, 116, 8);
    octal(entry.content.length, 124, 12);
    octal(entry.mtime ?? 0, 136, 12);
    header.write(TYPE_FLAGS[entry.kind], 156);
    Buffer.from(entry.linkTarget).copy(header, 157);
    header.write('ustar\x0000', 257);
    header.write('        ', 148);
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      8,
    );
    const padding = (BLOCK - (entry.content.length % BLOCK)) % BLOCK;
    parts.push(header, Buffer.from(entry.content), Buffer.alloc(padding));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** The root file system that umoci makes of the layers. */
function umociUnpack(stack: Stack): string {
  const home = mkdtempSync(join(tmpdir(), 'layerslayer-umoci-'));
  scratch.push(home);
  const layout = join(home, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const put = (mediaType: string, bytes: Buffer) => {
    writeFileSync(join(layout, 'blobs/sha256', hash(bytes)), bytes);
    return { mediaType, digest: `sha256:${hash(bytes)}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const oci = 'application/vnd.oci.image';

  const tars = stack.map(tarOf);
  const layers = tars.map((tar) => put(`${oci}.layer.v1.tar+gzip`, gzipSync(tar)));
  const rootfs = { type: 'layers', diff_ids: tars.map((tar) => `sha256:${hash(tar)}`) };
  const config = put(
    `${oci}.config.v1+json`,
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
  );
  const manifest = put(`${oci}.manifest.v1+json`, json({ schemaVersion: 2, config, layers }));
  const annotations = { 'org.opencontainers.image.ref.name': 'test' };
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(layout, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );

  const bundle = join(home, 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${layout}:test`, bundle], { stdio: 'pipe' });
  return join(bundle, 'rootfs');
}

/** One line a name: type, mode, owner, links, mtime, content, and the first name of its inode. */
function onDisk(root: string): string[] {
  const lines: string[] = [];
  const firstNames = new Map<number, string>();
  const visit = (path: string): void => {
    const stat = lstatSync(join(root, path));
    let kind = 'file';
    let content = '';
    if (stat.isDirectory()) kind = 'dir';
    else if (stat.isSymbolicLink()) [kind, content] = ['symlink', readlinkSync(join(root, path))];
    else if (stat.isFIFO()) kind = 'fifo';
    else content = readFileSync(join(root, path), 'utf8');
    const first = firstNames.get(stat.ino) ?? path;
    firstNames.set(stat.ino, first);
    const mode = (stat.mode & 0o7777).toString(8);
    const names = kind === 'dir' ? '' : `x${stat.nlink}`; // btrfs and others count no subdirectories
    lines.push(
      `${path} ${kind} ${mode} ${stat.uid}:${stat.gid} ${names} @${stat.mtimeMs / 1000} ${content} ${first}`,
    );
    if (kind === 'dir') for (const name of readdirSync(join(root, path)).sort()) visit(join(path, name));
  };
  for (const name of readdirSync(root).sort()) visit(name);
  return lines;
}

/** The same lines of a merged tree. */
function inTree({ tree, stack }: Merged): string[] {
  const firstNames = new Map<number, string>();
  const byPath = walk(tree)
    .slice(1)
    .sort((a, b) => comparePaths(a.path, b.path));
  return byPath.map(({ path, inode }) => {
    const kind = tree.kind(inode);
    const row = stack[tree.layerOf(inode) - 1]?.[tree.rowOf(inode)];
    const content = kind === 'symlink' ? tree.linkTarget(inode) : (row?.content ?? '');
    const first = firstNames.get(inode) ?? path;
    firstNames.set(inode, first);
    const names = kind === 'dir' ? '' : `x${tree.nlink(inode)}`;
    const owner = `${tree.uid(inode)}:${tree.gid(inode)}`;
    return `${path} ${kind} ${tree.mode(inode).toString(8)} ${owner} ${names} @${tree.mtimeSeconds(inode)} ${Buffer.from(content)} ${first}`;
  });
}

/** The order of a walk that sorts each directory. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((name, i) => name !== right[i]);
  if (at === -1) return -1;
  if (at >= right.length) return 1;
  return left[at]! < right[at]! ? -1 : 1;
}

function agree(stack: Stack): void {
  expect(inTree(merge(stack))).toEqual(onDisk(umociUnpack(stack)));
}

const at = (mtime: number, mode?: number) => (mode === undefined ? { mtime } : { mtime, mode });

describe('mergeLayers and umoci', () => {
  it.each<[string, Stack]>([
    [
      'whiteouts and opaque directories',
      [
        [
          dir('d', at(10, 0o700)),
          file('d/a', '1', at(11)),
          dir('d/s', at(12)),
          file('d/s/b', '2', at(13)),
          dir('e', at(14)),
          file('e/x', '', at(15)),
        ],
        [
          dir('d', at(20, 0o711)),
          file('d/0', 'n', at(21)),
          opaque('d'),
          whiteout('e/x'),
          whiteout('nothing'),
        ],
      ],
    ],
    [
      'entry over entry',
      [
        [
          dir('d', at(1)),
          file('d/f', '', at(2)),
          file('f', 'f', at(3)),
          symlink('s', 'f', at(4)),
          dir('k', at(5)),
          file('k/c', '', at(6)),
        ],
        [file('d', 'file', at(7)), dir('f', at(8)), file('s', 'no link', at(9)), dir('k', at(10, 0o2755))],
      ],
    ],
    [
      'names that need cleaning',
      [
        [
          dir('./a/', at(1)),
          file('/a//b/../c', '1', at(2)),
          file('../../x', '2', at(3)),
          file('a/.wh', '3', at(4)),
          file('.WH.x', '4', at(5)),
        ],
      ],
    ],
    [
      'a file that was a directory that was a file',
      [
        [dir('x', at(1)), file('x/old', '', at(2))],
        [file('x', 'f', at(3)), dir('x', at(4)), file('x/new', '', at(5))],
      ],
    ],
    ['the last of two entries', [[file('a', 'old', at(1)), hardlink('b', 'a'), file('a', 'new', at(2))]]],
    [
      'entries behind a symlink of their layer',
      [[dir('usr', at(1)), symlink('l', '../../usr', at(2)), file('l/x', '1', at(3)), hardlink('m', 'l/x')]],
    ],
    [
      'hard links within and across layers',
      [
        [
          dir('d', at(1)),
          file('d/a', 'x', at(2, 0o600)),
          hardlink('d/b', 'd/a'),
          hardlink('c', '/d/a'),
          symlink('s', 'c', at(3)),
          hardlink('t', 's'),
        ],
        [hardlink('n', 'd/b'), whiteout('d/a'), file('c', 'own', at(4))],
      ],
    ],
  ])('%s', (_, stack) => agree(stack));

  it('on layers as builders write them', () => {
    fc.assert(
      fc.property(plannedLayers, (layers) => {
        agree(builtStack(layers));
      }),
      { numRuns: 100 },
    );
  });
});
