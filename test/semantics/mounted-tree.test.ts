import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { block, char, dir, fifo, file, hardlink, symlink, tarOf, whiteout } from '../support/tar.js';
import { listTree } from '../support/tree-listing.js';

/**
 * Properties of the mounted tree as a whole: inode numbers, directories, statfs, refusals,
 * provenance.
 */
const READ_DIRECTORY = fileURLToPath(new URL('./read-directory.pl', import.meta.url));
const ATTEMPT_WRITES = fileURLToPath(new URL('./attempt-writes.mjs', import.meta.url));

const place = new Workplace();
let registry: TestRegistry;
let image: PushedImage;
let reference: string;
let mnt: string;

/** Names in an order that no sorting gives, repeatable. */
const scrambled = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, at) => `${prefix}${((at * 7919 + 13) % 10_007).toString(36)}-${at}`);

const BASE_NAMES = scrambled(300, 'order/b');
const UPPER_NAMES = scrambled(200, 'order/a');
const DEEP_NAMES = scrambled(40, 'deep/').flatMap((directory) =>
  scrambled(5, `${directory}/`).map((path) => ({ directory, path })),
);
const MANY = 3000;
const manyName = (at: number) => `${'n'.repeat(1 + ((at * 31) % 250))}${at}`;

const STEPS = ['ADD base /', 'RUN make it so', 'COPY last'];

beforeAll(async () => {
  registry = await startRegistry();
  const seen = new Set<string>();
  const base = tarOf(
    dir('order'),
    ...BASE_NAMES.map((path) => file(path, path)),
    dir('deep'),
    ...DEEP_NAMES.flatMap(({ directory, path }) => {
      const first = seen.has(directory) ? [] : [dir(directory)];
      seen.add(directory);
      return [...first, file(path, path)];
    }),
    dir('many'),
    ...Array.from({ length: MANY }, (_, at) => file(`many/${manyName(at)}`)),
    dir('kinds'),
    dir('kinds/d'),
    file('kinds/f', 'f'),
    symlink('kinds/l', 'f'),
    fifo('kinds/p'),
    char('kinds/c', 1, 3, { mode: 0o666 }),
    block('kinds/b', 8, 1),
    dir('writes'),
    file('writes/f', 'f', { mode: 0o666 }),
    dir('writes/d', { mode: 0o777 }),
    file('writes/d/g', 'g'),
    dir('writes/e', { mode: 0o777 }),
    symlink('writes/l', 'f'),
    dir('modes'),
    file('modes/secret', 'secret', { mode: 0o600 }),
    file('modes/public', 'public', { mode: 0o644 }),
    file('modes/theirs', 'theirs', { mode: 0o400, uid: 65534 }),
    dir('modes/closed', { mode: 0o700 }),
    file('modes/closed/public', 'public', { mode: 0o666 }),
    file('modes/setuid', '#!/bin/sh\n', { mode: 0o4755 }),
    file('own', 'own', { xattrs: { 'user.own': 'yes' } }),
    file('old', 'old'),
    dir('replaced', { mode: 0o700 }),
    file('replaced/kept', 'kept'),
    file('linked', 'linked'),
    file('hidden', 'hidden'),
  );
  const upper = tarOf(
    ...UPPER_NAMES.map((path) => file(path, path)),
    dir('replaced', { mode: 0o755 }),
    file('replaced/new', 'new'),
    hardlink('link', 'linked'),
    file('old', 'new'),
    symlink('to-old', 'old'),
    fifo('pipe'),
    whiteout('hidden'),
    file('implied/f', 'f'),
  );
  const last = tarOf(file('last', 'last'), file('implied/g', 'g'));
  const history = [
    { created_by: STEPS[0] },
    { created_by: 'ENV A=b', empty_layer: true },
    { created_by: STEPS[1] },
    { created_by: 'CMD x', empty_layer: true },
    { created_by: STEPS[2] },
    { created_by: 'LABEL y', empty_layer: true },
  ];
  image = await pushImage(registry, 'library/tree:latest', {
    layers: [gzipSync(base), gzipSync(upper), last],
    config: { history },
  });
  reference = `${registry.host}/library/tree:latest`;
  mnt = await place.mount(reference);
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

/** Lines of what a script prints in the mount. */
const lines = async (script: string, ...args: string[]) =>
  (await run('bash', ['-euc', script, 'bash', ...args], { cwd: mnt })).stdout.split('\n').filter(Boolean);

describe('inode numbers', () => {
  it('are the same at the next mount, and with another cache', async () => {
    const numbers = (root: string) => run('find', ['.', '-printf', '%i %y %P\\n'], { cwd: root });
    const first = (await numbers(mnt)).stdout;
    expect(first.split('\n').length).toBeGreaterThan(MANY);
    const again = await place.mount(reference, 'again');
    const fresh = await place.mount(`${registry.host}/library/tree@${image.digest}`, 'fresh', [
      '--cache-dir',
      place.directory('other-cache'),
    ]);
    expect((await numbers(again)).stdout).toBe(first);
    expect((await numbers(fresh)).stdout).toBe(first);
    await place.unmount(again);
    await place.unmount(fresh);
  });

  it('ascend in data order, layer by layer', async () => {
    const found = await lines("find order -type f -printf '%i %p\\n'");
    const sorted = found
      .map((line) => line.split(' ') as [string, string])
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, path]) => path);
    expect(sorted).toEqual([...BASE_NAMES, ...UPPER_NAMES]);
  });

  it('differ from each other', async () => {
    const found = await lines("find . ! -samefile linked -printf '%i\\n'");
    expect(new Set(found).size).toBe(found.length);
  });
});

describe('readdir', () => {
  const entries = async (directory: string, size: number, ...offsets: string[]) =>
    lines('perl "$@"', READ_DIRECTORY, directory, String(size), ...offsets);
  const named = (line: string) => Buffer.from(line.split(' ')[3]!, 'hex').toString('latin1');

  it('gives ., .. and a type for every entry', async () => {
    const found = await entries('kinds', 65_536);
    const DT = { fifo: 1, char: 2, dir: 4, block: 6, file: 8, link: 10 };
    const types = Object.fromEntries(found.map((line) => [named(line), Number(line.split(' ')[2])]));
    expect(types).toEqual({
      '.': DT.dir,
      '..': DT.dir,
      d: DT.dir,
      f: DT.file,
      l: DT.link,
      p: DT.fifo,
      c: DT.char,
      b: DT.block,
    });
  });

  it('gives the inode numbers that stat gives', async () => {
    for (const directory of ['kinds', '.', 'deep']) {
      const found = (await entries(directory, 65_536)).map((line) => [named(line), line.split(' ')[1]]);
      const stats = await lines(
        'cd "$1"; shift; stat -c "%n %i" -- "$@"',
        directory,
        ...found.map(([name]) => name!),
      );
      const ofRoot = directory === '.' ? '..' : ''; // the kernel's own: it leads out of the mount
      const wanted = found.filter(([name]) => name !== ofRoot);
      expect(wanted.map(([name, ino]) => `${name} ${ino}`)).toEqual(
        stats.filter((line) => !line.startsWith(`${ofRoot} `) || ofRoot === ''),
      );
    }
  });

  it.each([280, 1000, 4096, 32_768, 1_048_576])('in pieces of %i bytes is the same', async (size) => {
    const found = await entries('many', size);
    expect(found.map(named).sort()).toEqual(
      ['.', '..', ...Array.from({ length: MANY }, (_, at) => manyName(at))].sort(),
    );
    expect(found).toEqual(await entries('many', 65_536));
  });

  it('resumes at any offset, also one of another open, also backwards', async () => {
    const found = await entries('many', 65_536);
    const chosen = found.map((_, at) => at).filter((at) => at % 97 === 0 || at < 5 || at > found.length - 4);
    const offsets = (at: number) => found[at]!.split(' ')[0]!;
    const after = (at: number) => found[at + 1] ?? 'end';
    for (const order of [chosen, [...chosen].reverse()]) {
      const next = await entries('many', 400, ...order.map(offsets));
      expect(next).toEqual(order.map(after));
    }
    expect((await entries('many', 400, '0'))[0]).toBe(found[0]);
  });

  it('of an empty directory ends', async () => {
    expect((await entries('kinds/d', 4096)).map(named).sort()).toEqual(['.', '..']);
  });

  it('gives an order that follows the data, so that a walk reads forward', async () => {
    expect(await lines('find deep -type f')).toEqual(DEEP_NAMES.map(({ path }) => path));
    expect(await lines('ls -U order')).toEqual(
      [...BASE_NAMES, ...UPPER_NAMES].map((path) => path.slice('order/'.length)),
    );
  });
});

describe('statfs', () => {
  it('tells the truth of a full, read-only file system', async () => {
    const [told] = await lines("stat -f -c '%S %f %a %d %b %c %l' .");
    const [blockSize, free, available, freeFiles, blocks, files, nameLength] = told!.split(' ').map(Number);
    const tree = await listTree(mnt);
    const sizes = new Map(
      [...tree.values()].map(({ inode, type, size }) => [inode, type === 'f' ? Number(size) : 0]),
    );
    const data = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect({ blockSize, free, available, freeFiles, nameLength }).toEqual({
      blockSize: 4096,
      free: 0,
      available: 0,
      freeFiles: 0,
      nameLength: 255,
    });
    expect(files).toBe(sizes.size);
    // From the tree: at least its data, at most a block a file more.
    expect(blocks).toBeGreaterThanOrEqual(Math.ceil(data / 4096));
    expect(blocks).toBeLessThanOrEqual(Math.ceil(data / 4096) + sizes.size);
  });
});

describe('everything that would write', () => {
  it('is refused with EROFS', async () => {
    const { stdout } = await run(process.execPath, [ATTEMPT_WRITES], { cwd: `${mnt}/writes` });
    const wrong = stdout
      .split('\n')
      .filter(Boolean)
      .filter((line) => !line.endsWith(': EROFS'));
    expect(wrong).toEqual([]);
    expect(stdout.split('\n').length).toBeGreaterThan(25);
  });

  it.each([
    'setfattr -n user.x -v y f',
    'setfattr -x user.x f',
    'setfattr -h -n trusted.x -v y l',
    'setfattr -n layerslayer.index -v 7 f',
    'mknod new p',
    'mknod new c 1 3',
    'touch f',
    'touch new',
    'touch -h l',
    'ln -s x new',
    'mv d new',
    'fallocate -l 10 f',
    'chattr +i f',
  ])('%s', async (command) => {
    const { status, stderr } = await attempt('bash', ['-c', command], { cwd: `${mnt}/writes` });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/Read-only file system|not supported|Inappropriate ioctl/);
  });

  it('leaves the tree as it was', async () => {
    expect(await lines('find writes | sort')).toEqual(
      ['writes', 'writes/d', 'writes/d/g', 'writes/e', 'writes/f', 'writes/l'].sort(),
    );
  });
});

describe('the mount', () => {
  const options = async (mountpoint: string) =>
    (await run('findmnt', ['-nro', 'OPTIONS', mountpoint])).stdout.trim().split(',');

  it('is ro,nosuid,nodev', async () => {
    expect(await options(mnt)).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
    const opened = await attempt('cat', [`${mnt}/kinds/c`]);
    expect([opened.status, opened.stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
  });

  it('is closed to other users unless asked', async () => {
    const { status, stderr } = await attempt('setpriv', [
      '--reuid',
      '65534',
      '--clear-groups',
      'cat',
      `${mnt}/modes/public`,
    ]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
  });

  it('enforces the image’s modes for other users', async () => {
    const theirs = await place.mount(reference, 'theirs', ['--allow-other']);
    // Others must reach the mountpoint at all.
    await run('chmod', ['755', place.scratch]);
    expect(await options(theirs)).toEqual(
      expect.arrayContaining(['ro', 'nosuid', 'nodev', 'default_permissions', 'allow_other']),
    );
    const reads: Record<string, boolean> = {
      public: true,
      theirs: true,
      secret: false,
      'closed/public': false,
    };
    for (const [path, readable] of Object.entries(reads)) {
      const { status } = await attempt('setpriv', [
        '--reuid',
        '65534',
        '--clear-groups',
        'cat',
        `${theirs}/modes/${path}`,
      ]);
      expect([path, status === 0]).toEqual([path, readable]);
    }
    await place.unmount(theirs);
  });
});

describe('provenance', () => {
  const asked = async (path: string, name: string) => {
    const { status, stdout, stderr } = await attempt(
      'getfattr',
      ['-h', '--only-values', '-n', name, '--', path],
      {
        cwd: mnt,
      },
    );
    return status === 0 ? stdout : `error ${stderr}`;
  };

  it.each([
    ['order', 1],
    ['kinds/f', 1],
    ['kinds/l', 1],
    ['kinds/c', 1],
    ['kinds/b', 1],
    ['kinds/p', 1],
    ['replaced', 2],
    ['replaced/kept', 1],
    ['replaced/new', 2],
    ['linked', 1],
    ['link', 1],
    ['old', 2],
    ['to-old', 2],
    ['pipe', 2],
    ['last', 3],
    ['implied/f', 2],
    ['implied/g', 3],
    ['implied', 2],
  ])('of %s is layer %i', async (path, number) => {
    expect(await asked(path, 'layerslayer.index')).toBe(String(number));
    expect(await asked(path, 'layerslayer.layer')).toBe(image.manifest.layers[number - 1]!.digest);
    expect(await asked(path, 'layerslayer.created_by')).toBe(STEPS[number - 1]);
  });

  it('is there for every inode', async () => {
    const { status, stderr } = await attempt('getfattr', ['-R', '-P', '-h', '-n', 'layerslayer.layer', '.'], {
      cwd: mnt,
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('is not listed and not copied', async () => {
    expect(await lines('getfattr -R -P -h -d -m - .')).toEqual(['# file: own', 'user.own="yes"']);
    const copy = place.directory('copy');
    await run(
      'bash',
      [
        '-euc',
        'cp -a own kinds order "$1"; tar --xattrs --xattrs-include="*" -cf "$1/t" own kinds',
        'bash',
        copy,
      ],
      {
        cwd: mnt,
      },
    );
    expect((await run('getfattr', ['-R', '-h', '-d', '-m', '-', '.'], { cwd: copy })).stdout).toBe(
      '# file: own\nuser.own="yes"\n\n',
    );
    expect(
      (await run('grep', ['-c', 'layerslayer', `${copy}/t`]).catch(() => ({ stdout: '0' }))).stdout.trim(),
    ).toBe('0');
  });

  it('of another name is no attribute', async () => {
    for (const name of [
      'layerslayer.nothing',
      'layerslayer',
      'layerslayer.',
      'user.layerslayer.layer',
      'trusted.x',
    ]) {
      expect(await asked('kinds/f', name)).toMatch(/No such attribute|not supported/);
    }
  });
});

describe('one layer alone', () => {
  it('is its own tree, with its number in the image', async () => {
    const ended = await place.layerslayer(['mount', '--layer', '2', reference, place.directory('two')]);
    expect(ended.status, ended.stderr).toBe(0);
    expect(ended.stderr).toMatch(/"link"/); // its target is in another layer
    const two = `${place.scratch}/two`;
    const { stdout } = await run(
      'bash',
      [
        '-euc',
        'find . ! -path "./order/*" -printf "%y %p\\n" | sort; cat old implied/f; getfattr --only-values -n layerslayer.index old',
      ],
      {
        cwd: two,
      },
    );
    expect(stdout).toBe(
      [
        'd .',
        'd ./implied',
        'd ./order',
        'd ./replaced',
        'f ./implied/f',
        'f ./old',
        'f ./replaced/new',
        'l ./to-old',
        'p ./pipe',
        'newf2',
      ].join('\n'),
    );
    await place.unmount(two);
  });

  it('by its digest', async () => {
    const three = await place.mount(reference, 'three', ['--layer', image.manifest.layers[2]!.digest]);
    expect(
      (await run('find', ['.', '-type', 'f', '-printf', '%P '], { cwd: three })).stdout.split(' ').sort(),
    ).toEqual(['', 'implied/g', 'last']);
    await place.unmount(three);
  });

  it.each(['0', '4', '-1', '1.5', 'x', `sha256:${'ab'.repeat(32)}`])('refuses %s', async (layer) => {
    const ended = await place.layerslayer(['mount', '--layer', layer, reference, place.directory('none')]);
    expect([2, 10]).toContain(ended.status);
    expect([ended.stdout, ended.stderr.trimEnd().split('\n').length]).toEqual(['', 1]);
  });
});
