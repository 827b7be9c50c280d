import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { type Attributes, dir, file, hardlink, opaque, symlink, tarOf, whiteout } from '../support/tar.js';

// GNU find on the trees that umoci unpacks. Not asked: what overlay/RULES.md decides otherwise
// (rules O1 and O5: symlinked and implied parents; whiteout and re-creation in one layer).

const IMAGES = 8;
const NAMES = ['a', 'b.pem', 'c.conf', '.d', 'é', 'id_rsa', 'x.so.1', 'B.PEM'];
const DIRECTORIES = ['etc', 'etc/ssl', 'usr', 'usr/lib', 'usr/lib/.x', 'usr/ab', 'var'];

const attributes: fc.Arbitrary<Attributes> = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2711, 0o1777, 0o600, 0o666),
  mtime: fc.constantFrom(0, 1_600_000_000, 1_700_000_000, 1_700_000_000.5),
});
const member = fc.record({
  what: fc.constantFrom('file', 'file', 'file', 'symlink', 'hardlink', 'whiteout', 'opaque', 'dir'),
  directory: fc.constantFrom(...DIRECTORIES),
  name: fc.constantFrom(...NAMES),
  size: fc.constantFrom(0, 1, 511, 1024, 5000),
  attributes,
});
type Member = typeof member extends fc.Arbitrary<infer T> ? T : never;
const layers = fc.array(fc.array(member, { minLength: 4, maxLength: 25 }), { minLength: 1, maxLength: 4 });

/** Each path once a layer, all parents listed, markers only for what lower layers have. */
function tarsOf(image: readonly (readonly Member[])[]): Buffer[] {
  const shown = new Set<string>(); // files of lower layers
  return image.map((members) => {
    const parts: Buffer[] = DIRECTORIES.map((one) => dir(`${one}/`, { mode: 0o755, mtime: 1_500_000_000 }));
    const used = new Set<string>();
    let target: string | undefined;
    for (const { what, directory, name, size, attributes: given } of members) {
      const path = `${directory}/${name}`;
      if (used.has(what === 'opaque' ? `${directory} opaque` : path)) continue;
      used.add(what === 'opaque' ? `${directory} opaque` : path);
      if (what === 'whiteout' && shown.has(path)) parts.push(whiteout(path));
      if (what === 'opaque' && directory === 'etc/ssl') parts.unshift(opaque(directory));
      if (what === 'symlink') parts.push(symlink(path, 'anywhere', { mtime: given.mtime ?? 0 }));
      if (what === 'hardlink' && target) parts.push(hardlink(path, target));
      if (what === 'file') {
        parts.push(file(path, 'x'.repeat(size), given));
        target = path;
      }
      if (what !== 'whiteout' && what !== 'opaque') shown.add(path);
    }
    return tarOf(...parts);
  });
}

/** Words of our find, and those of GNU find. */
const SEARCHES: [string[], string[]][] = [
  [['*'], []],
  [['*.pem'], ['-name', '*.pem']],
  [
    ['-i', '*.pem'],
    ['-iname', '*.pem'],
  ],
  [['[a-c]*'], ['-name', '[a-c]*']],
  [['?'], ['-name', '?']],
  [['/etc/**'], ['(', '-path', '*/rootfs/etc', '-o', '-path', '*/rootfs/etc/*', ')']],
  [
    ['--size', '+1024', '*'],
    ['-type', 'f', '-size', '+1024c'],
  ],
  [
    ['--size', '-1k', '*'],
    ['-type', 'f', '-size', '-1024c'],
  ],
  [
    ['--mode', 'u+s,g+s', '*'],
    ['-perm', '/6000'],
  ],
  [
    ['--mode', 'o+w', '*'],
    ['-perm', '/0002'],
  ],
  [
    ['--kind', 'symlink,dir', '*'],
    ['-type', 'l,d'],
  ],
  [
    ['--newer', '2023-11-14T22:13:20', '*'],
    ['-newermt', '2023-11-14 22:13:20 UTC'],
  ],
  [
    ['--regex', '\\.(pem|conf)$'],
    ['-regextype', 'posix-extended', '-regex', '.*\\.(pem|conf)'],
  ],
];

let place: Workplace;
const roots: string[] = [];

beforeAll(async () => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const images = fc.sample(layers, IMAGES).map((image, i) => named(layout.image(tarsOf(image)), `i${i}`));
  const directory = writeDirectory(join(place.scratch, 'img'), layout.top(images));
  for (let i = 0; i < IMAGES; i++) {
    const bundle = join(place.scratch, `bundle-${i}`);
    execFileSync('umoci', ['unpack', '--image', `${directory}:i${i}`, bundle], { stdio: 'pipe' });
    roots.push(join(bundle, 'rootfs'));
  }
  await place.layerslayer(['find', '-q', 'x', ...roots.map((_, i) => `oci:${directory}:i${i}`)]);
});
afterAll(() => place?.cleanUp());

describe('live entries that find lists', () => {
  it.each(SEARCHES)('%j are those of GNU find %j', async (ours, theirs) => {
    const { stdout } = await place.layerslayer(['find', '--json', ...ours]);
    const found = Buffer.from(stdout, 'latin1')
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .filter(({ state }) => state === 'live')
      .map(({ image, path }) => `${image.reference.split(':').at(-1)} ${path}`);
    const wanted = roots.flatMap((root, i) => {
      const printed = execFileSync('find', [root, '-mindepth', '1', ...theirs, '-printf', '%P\\0'], {
        env: place.env,
      });
      return printed
        .toString()
        .split('\0')
        .filter(Boolean)
        .map((path) => `i${i} /${path}`);
    });
    expect(found.sort()).toEqual(wanted.sort());
    expect(found.length).toBeGreaterThan(0);
  });
});
