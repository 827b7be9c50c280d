/**
 * A test image of real content, made on this machine without the internet: files of its own /usr,
 * and all that images contain but tests by hand forget. Needs root (device nodes, owners,
 * attributes) and GNU tar.
 */
import { createCipheriv } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from './child.js';
import { type BuiltLayer, type OciLayout, writeLayout } from './oci-layout.js';
import { OCI_LAYER_GZIP, OCI_LAYER_TAR, sha256 } from './registry.js';
import { dir, file, hardlink, opaque, symlink, tarOf, whiteout } from './tar.js';

const MIB = 2 ** 20;

/** The share of each folder of /usr in the base layer: enough for all kinds of files. */
const BASE_BUDGET_BYTES = 16 * MIB;
const BASE_FOLDERS = [
  'usr/bin',
  'usr/lib/git-core',
  'usr/lib/python3',
  'usr/share/perl5',
  'usr/share/zoneinfo',
  'usr/share/doc',
];

/** Larger than what any reader keeps decompressed, in the middle of its layer. */
export const LARGE_FILE = 'srv/large.bin';
export const LARGE_FILE_SIZE = 150 * MIB;

export const SMALL_FILES = 10_000;

/**
 * Builds five layers that override, hide and link into each other, as an OCI layout below
 * `scratch`. umoci reads all of it as the project's rules do, so that its unpacked tree is the
 * reference.
 */
export async function buildRealImage(scratch: string): Promise<OciLayout> {
  const work = join(scratch, 'work');
  const blobs = join(scratch, 'blobs');
  mkdirSync(work);
  mkdirSync(blobs);
  const layers = [
    await gzipLayer(blobs, 'base', await baseTar(work), ['gzip']),
    await gzipLayer(blobs, 'odd', await oddTar(work), ['gzip', '-9']),
    await gzipLayer(blobs, 'large', await largeTar(work), ['gzip', '-1']),
    await membersLayer(blobs, upperTar()),
    await plainLayer(blobs, 'empty', tarOf()),
    await plainLayer(blobs, 'last', lastTar()),
  ];
  await run('rm', ['-rf', work]);
  return writeLayout(join(scratch, 'layout'), 'latest', layers);
}

/**
 * Base: this machine's own files, by GNU tar. All parents are listed, so that no tool makes up
 * attributes.
 */
async function baseTar(work: string): Promise<string> {
  const list: string[] = ['.', 'usr', 'usr/lib', 'usr/share'];
  for (const folder of BASE_FOLDERS) {
    const find = 'find "$1" -printf "%y %s %p\\n" 2>/dev/null | LC_ALL=C sort -k3 || true';
    const found = await run('sh', ['-c', find, 'sh', folder], { cwd: '/' });
    let left = BASE_BUDGET_BYTES;
    for (const line of found.stdout.split('\n').filter(Boolean)) {
      const [type, size] = line.split(' ');
      const cost = type === 'd' ? 0 : Number(size);
      if (cost > left) continue;
      left -= cost;
      list.push(line.slice(`${type} ${size} `.length));
    }
  }
  writeFileSync(join(work, 'list'), list.join('\0'));
  const root = join(work, 'base');
  mkdirSync(root);
  await run('touch', ['-d', '@1600000000.5', root]);
  return tarFrom(work, 'base', [
    '-C',
    root,
    '.',
    '-C',
    '/',
    '--null',
    '--no-recursion',
    '-T',
    join(work, 'list'),
  ]);
}

/** Names, numbers and attributes at their limits. */
const ODD_TREE = String.raw`
  mkdir -p etc var/lib names times owners modes links xattrs devices srv/hidden/deep srv/opaque/below srv/kept
  echo 'PRETTY_NAME="layer two"' >etc/os-release; echo root:x:0:0 >etc/passwd; ln -s ../etc/os-release var/os-release
  long=$(printf 'n%.0s' {1..255}); echo long >"names/$long"
  deep=names; for i in {1..12}; do deep=$deep/$(printf "d$i-%.0s" {1..10}); done; mkdir -p "$deep"; echo deep >"$deep/file"
  ln -s "$(printf 'target/%.0s' {1..60})end" names/long-target
  echo odd >$'names/new\nline'; echo odd >$'names/not utf-8 \xff\xfe\x80'; echo odd >$'names/back\\slash'; echo odd >$'names/tab\t"quote'
  echo odd >'names/ leading and trailing '; echo odd >names/-rf; echo odd >names/.wh; echo odd >names/foo.wh.bar; echo odd >names/.WH.foo
  echo odd >names/__proto__; echo odd >names/constructor; echo odd >$'names/\u00e9'; echo odd >$'names/e\u0301'; ln -s $'new\nline' names/link
  for t in -1.5 -86400.000000001 0 0.999999999 1.000000001 2147483648 4294967296.5 7258118400.25; do echo $t >"times/$t"; touch -d "@$t" "times/$t"; done
  ln -s nowhere times/link; touch -h -d @1234567890.987654321 times/link
  for o in 0:0 1000:1000 65534:65534 2097152:7 4000000000:4294967294; do echo $o >"owners/$o"; chown $o "owners/$o"; done
  ln -s x owners/link; chown -h 12:34 owners/link; mkdir owners/dir; chown 56:78 owners/dir
  for m in 0000 0400 0777 1755 2755 4755 6711 7777; do echo $m >modes/$m; chmod $m modes/$m; mkdir modes/d$m; chmod $m modes/d$m; done
  echo linked >links/a; ln links/a links/b; ln links/a etc/linked; ln -s a links/s; ln links/s links/s2; echo group >links/one; ln links/one links/two; ln links/one links/three
  echo x >xattrs/file; setfattr -n user.comment -v 'a value' xattrs/file; setfattr -n user.binary -v 0x00ff0a003d xattrs/file; setfattr -n user.empty xattrs/file
  setfattr -n "user.$(printf 'x%.0s' {1..200})" -v "$(printf 'v%.0s' {1..1500})" xattrs/file
  echo x >xattrs/ping; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 xattrs/ping
  mkdir xattrs/dir; setfattr -n user.on.directory -v yes xattrs/dir; setfattr -n trusted.thing -v 0x01 xattrs/dir; ln -s file xattrs/link; setfattr -h -n trusted.on.link -v 1 xattrs/link
  mknod devices/null c 1 3; mknod devices/big c 511 1048575; mknod devices/disk b 8 17; mkfifo -m 640 devices/fifo
  : >etc/empty; truncate -s 64M srv/sparse; for at in 0 1000000 33554432 67108863; do printf data | dd of=srv/sparse bs=1 seek=$at conv=notrunc status=none; done
  for i in {1..5}; do echo $i >srv/hidden/deep/$i; echo $i >srv/opaque/below/$i; echo $i >srv/opaque/$i; echo $i >srv/kept/$i; done
  mkdir srv/becomes-file srv/becomes-link; echo x >srv/becomes-file/child; echo x >srv/becomes-link/child; echo x >srv/becomes-dir; ln -s nowhere srv/was-link; mkfifo srv/was-fifo
  find srv names links etc xattrs -depth -exec touch -h -d @1500000000.111111111 {} +`;

async function oddTar(work: string): Promise<string> {
  const root = join(work, 'odd');
  mkdirSync(root);
  await run('bash', ['-euc', ODD_TREE], { cwd: root });
  const PER_DIRECTORY = 250;
  for (let first = 0; first < SMALL_FILES; first += PER_DIRECTORY) {
    const directory = join(root, `var/lib/small/${first}`);
    mkdirSync(directory, { recursive: true });
    for (let at = first; at < first + PER_DIRECTORY; at++)
      writeFileSync(join(directory, `f${at}`), `small file ${at}\n`);
  }
  return tarFrom(work, 'odd', ['--sparse', '-C', root, '.']);
}

/** A large file between small ones, half of it incompressible, no part of it like another. */
async function largeTar(work: string): Promise<string> {
  const root = join(work, 'large');
  mkdirSync(join(root, 'srv'), { recursive: true });
  writeFileSync(join(root, 'srv/after'), 'after\n');
  writeFileSync(join(root, 'srv/before'), 'before\n');
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
  const zeros = Buffer.alloc(64 * 1024);
  const pieces: Buffer[] = [];
  for (let size = 0; size < LARGE_FILE_SIZE; size += 2 * zeros.length) {
    pieces.push(noise.update(zeros), Buffer.alloc(zeros.length, `the bytes from ${size} on\n`));
  }
  await writeFile(join(root, LARGE_FILE), Buffer.concat(pieces).subarray(0, LARGE_FILE_SIZE));
  return tarFrom(work, 'large', ['-C', root, '--no-recursion', 'srv', 'srv/before', LARGE_FILE, 'srv/after']);
}

/** What no tar program writes by itself: markers, and links into lower layers. */
function upperTar(): Buffer {
  const at = { mtime: '1700000000.222222222' };
  const notUtf8 = Buffer.from([...Buffer.from('names/.wh.not utf-8 '), 0xff, 0xfe, 0x80]);
  return tarOf(
    dir('etc/', { ...at, mode: 0o700, uid: 5, xattrs: { 'user.dir': 'replaced' } }),
    file('etc/os-release', 'PRETTY_NAME="layer four"\n', at),
    file('etc/new', 'new\n', { ...at, mode: 0o4755, xattrs: { 'user.new': Buffer.from([0, 255]) } }),
    whiteout('etc/passwd', at),
    whiteout('etc/never-was', at),
    whiteout('srv/hidden', at),
    whiteout('links/two', at),
    file(notUtf8, '', at),
    dir('srv/opaque/', at),
    opaque('srv/opaque', at),
    file('srv/opaque/only', 'only\n', at),
    file('srv/becomes-file', 'now a file\n', at),
    symlink('srv/becomes-link', 'kept', at),
    dir('srv/becomes-dir/', at),
    file('srv/becomes-dir/child', 'child\n', at),
    file('srv/was-link', 'now a file\n', at),
    dir('srv/was-fifo/', at),
    hardlink('links/into-lower', 'links/a', at),
    hardlink('links/into-this', 'etc/new', at),
    hardlink('srv/large-too', LARGE_FILE, at),
    hardlink('links/with-slash', '/etc/linked', at),
    file('./links/dotted', 'dotted\n', at),
    file('names/later', 'written twice\n', at),
    file('names/later', 'the last one counts\n', at),
  );
}

function lastTar(): Buffer {
  return tarOf(
    file('etc/os-release', 'PRETTY_NAME="the real image"\n', { mtime: 1_700_000_001 }),
    whiteout('etc/new'),
    whiteout('links/a'),
  );
}

/** @returns path of the tar */
async function tarFrom(work: string, name: string, args: string[]): Promise<string> {
  const tar = join(work, `${name}.tar`);
  const how = [
    '--format=posix',
    '--xattrs',
    '--xattrs-include=*',
    '--numeric-owner',
    '--sort=name',
    '-cf',
    tar,
  ];
  await run('tar', [...how, ...args]);
  return tar;
}

async function gzipLayer(blobs: string, name: string, tar: string, gzip: string[]): Promise<BuiltLayer> {
  const path = join(blobs, name);
  await run('sh', ['-c', 'out=$1; tar=$2; shift 2; "$@" <"$tar" >"$out"', 'sh', path, tar, ...gzip]);
  const diffId = `sha256:${(await run('sha256sum', [tar])).stdout.slice(0, 64)}`;
  await run('rm', [tar]);
  return { path, diffId, mediaType: OCI_LAYER_GZIP };
}

/**
 * One gzip blob of several members, cut at hard places: inside a header, inside content, and with
 * an empty one between.
 */
async function membersLayer(blobs: string, tar: Buffer): Promise<BuiltLayer> {
  const path = join(blobs, 'members');
  const cuts = [0, 700, 700, 1536, tar.length - 600, tar.length];
  const members = cuts.slice(1).map((end, at) => gzipSync(tar.subarray(cuts[at], end)));
  writeFileSync(path, Buffer.concat(members));
  return { path, diffId: sha256(tar), mediaType: OCI_LAYER_GZIP };
}

async function plainLayer(blobs: string, name: string, tar: Buffer): Promise<BuiltLayer> {
  const path = join(blobs, name);
  writeFileSync(path, tar);
  return { path, diffId: sha256(readFileSync(path)), mediaType: OCI_LAYER_TAR };
}
