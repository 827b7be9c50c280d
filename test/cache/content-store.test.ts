import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { pageKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { newWriterName } from '#src/cache/process-identity.js';
import { type StoreKind, storePath } from '#src/cache/store-layout.js';
import { indexKey } from '#src/index/entry-table.js';
import {
  cleanUp,
  IS_ROOT,
  NOBODY,
  onCleanUp,
  scratchDirectory,
  scratchTmpfs,
  warningLog,
} from './scratch.js';

const MIB = 1024 * 1024;
const PAGE = 256 * 1024;
/** What a whole page counts for, and what an empty store does: see `chargeOf`, BASE_CHARGE. */
const PAGE_CHARGE = PAGE + 4096;
const BASE = 52 * 1024;
const LAYER = `sha256:${'ab'.repeat(32)}`;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const page = (fill: number) => Buffer.alloc(PAGE, fill);

afterEach(cleanUp);

async function openStore(capBytes = 64 * MIB, directory = scratchDirectory()) {
  const log = warningLog();
  const store = await ContentStore.open({ directory, capBytes, log });
  return { store, directory, warnings: log.warnings };
}

/** Bytes on disk as `du` counts them, folders too. */
function diskUsage(directory: string): number {
  return Number(execFileSync('du', ['-s', '--block-size=1', directory], { encoding: 'utf8' }).split('\t')[0]);
}

/** Makes a stored file look as if it was last used `minutes` ago. */
function age(directory: string, path: string, minutes: number): void {
  const seconds = Date.now() / 1000 - minutes * 60;
  utimesSync(join(directory, 'v2', path), seconds, seconds);
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', [path]);
}

async function makeSocket(path: string): Promise<void> {
  const short = join(scratchDirectory(), 's'); // Node truncates paths over 107 bytes
  const server = createServer().listen(short);
  await once(server, 'listening');
  linkSync(short, path);
  server.close();
}

async function keptKeys(store: ContentStore): Promise<string[]> {
  return (await store.entries()).map(({ kind, key }) => `${kind} ${key}`).sort();
}

describe('ContentStore', () => {
  const items: [StoreKind, string][] = [
    ['page', pageKey(LAYER, 0)],
    ['page', pageKey(LAYER, 40_000)],
    ['index', indexKey(3, LAYER)],
    ['states', indexKey(3, LAYER)],
    ['manifest', LAYER],
    ['tree', `1.1/${'ef'.repeat(32)}`],
    ['manifest', `sha512:${'cd'.repeat(64)}`],
  ];
  test.each(items)('keeps a %s', async (kind, key) => {
    const { store } = await openStore();
    expect([store.readSync(kind, key), store.has(kind, key)]).toEqual([undefined, false]);
    expect(store.openFd(kind, key)).toBe(undefined);
    for (const text of ['first', 'second, longer', '']) {
      expect(await store.write(kind, key, bytesOf(text))).toBe(true);
      expect(new TextDecoder().decode(store.readSync(kind, key))).toBe(text);
    }
    expect(store.has(kind, key)).toBe(true);
    await store.remove(kind, key);
    await store.remove(kind, key);
    expect(store.readSync(kind, key)).toBe(undefined);
  });

  test('another store, also in a later life, reads what one wrote', async () => {
    const { store, directory } = await openStore();
    await store.write('manifest', LAYER, bytesOf('kept'));
    await store.close();
    const later = await openStore(64 * MIB, directory);
    expect(new TextDecoder().decode(later.store.readSync('manifest', LAYER))).toBe('kept');
    const reader = ContentStore.forReading(directory, warningLog());
    expect(new TextDecoder().decode(reader.readSync('manifest', LAYER))).toBe('kept');
    expect(await reader.write('manifest', LAYER, bytesOf('never'))).toBe(false);
    await reader.close();
  });

  test.each([
    '../../etc/passwd',
    'a/../b',
    '/etc/passwd',
    '.hidden',
    'a/b/c',
    '',
    'a//b',
    'a/',
    'a\0b',
    'A',
    'x'.repeat(256),
  ])('a key that is no key never becomes a path: %j', async (key) => {
    const { store } = await openStore();
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => store.readSync('page', key)).toThrow(refused);
    await expect(store.write('page', key, bytesOf('x'))).rejects.toEqual(refused);
    await expect(store.remove('page', key)).rejects.toEqual(refused);
  });

  test('an open descriptor outlives eviction', async () => {
    const { store } = await openStore();
    await store.write('index', indexKey(1, LAYER), bytesOf('index'));
    const fd = store.openFd('index', indexKey(1, LAYER))!;
    await store.prune(0);
    expect(store.has('index', indexKey(1, LAYER))).toBe(false);
    const bytes = new Uint8Array(5);
    readSync(fd, bytes, 0, 5, 0);
    closeSync(fd);
    expect(new TextDecoder().decode(bytes)).toBe('index');
  });

  test('a hit makes an old file young, and touches a young one not at all', async () => {
    const { store, directory } = await openStore();
    const path = `pages/${pageKey(LAYER, 0)}`;
    const used = () => statSync(join(directory, 'v2', path)).mtimeMs;
    await store.write('page', pageKey(LAYER, 0), bytesOf('x'));
    for (const hit of [
      () => store.readSync('page', pageKey(LAYER, 0)),
      () => closeSync(store.openFd('page', pageKey(LAYER, 0))!),
    ]) {
      age(directory, path, 10);
      hit();
      expect(Date.now() - used()).toBeLessThan(60_000);
      age(directory, path, 0.5);
      const before = used();
      hit();
      expect(used()).toBe(before);
    }
  });

  test('a store that does not count as use touches nothing; names are listed', async () => {
    const { store, directory } = await openStore();
    await store.write('page', pageKey(LAYER, 0), bytesOf('x'));
    await store.write('image', 'a', bytesOf('x'));
    const path = `pages/${pageKey(LAYER, 0)}`;
    age(directory, path, 10);
    const before = statSync(join(directory, 'v2', path)).mtimeMs;
    const reader = ContentStore.forReading(directory, warningLog(), { isUse: false });
    expect(reader.readSync('page', pageKey(LAYER, 0))?.length).toBe(1);
    expect(statSync(join(directory, 'v2', path)).mtimeMs).toBe(before);
    expect(reader.namesSync('image')).toEqual(['a']);
    expect(reader.namesSync('page', pageKey(LAYER, 0).split('/')[0]!)).toHaveLength(1);
    expect(reader.namesSync('tree')).toEqual([]);
  });

  test('what is cut short while it lies there is given as it is: readers check by digest', async () => {
    const { store, directory } = await openStore();
    await store.write('page', pageKey(LAYER, 0), page(1));
    truncateSync(join(directory, 'v2/pages', pageKey(LAYER, 0)), 1000);
    expect(store.readSync('page', pageKey(LAYER, 0))?.length).toBe(1000);
  });

  // What rename(2) replaces by a file.
  const replaceable: [string, (path: string) => unknown][] = [
    ['a FIFO', makeFifo],
    ['a symlink to a device without end', (path) => symlinkSync('/dev/zero', path)],
    ['a symlink to a regular file', (path) => symlinkSync('/etc/passwd', path)],
    ['a socket', makeSocket],
  ];

  test.each([...replaceable, ['a directory', (path: string) => mkdirSync(path)] as const])(
    '%s where a file should be is a miss, each kind by each way of reading',
    async (what, make) => {
      const { store, directory, warnings } = await openStore();
      for (const [kind, key] of items) {
        await store.write(kind, key, bytesOf('kept'));
        const path = storePath(join(directory, 'v2'), kind, key);
        rmSync(path);
        await make(path);
        expect([
          store.readSync(kind, key),
          store.readSync(kind, key, { offset: 0, length: 4 }),
          store.openFd(kind, key),
          store.has(kind, key),
        ]).toEqual([undefined, undefined, undefined, false]);
        if (what === 'a directory') continue;
        expect(await store.write(kind, key, bytesOf('made again'))).toBe(true);
        expect(new TextDecoder().decode(store.readSync(kind, key))).toBe('made again');
      }
      expect(warnings).toEqual([]);
    },
  );

  test.each(replaceable)('%s where the ledger should be is a miss', async (_, make) => {
    const first = await openStore(4 * MIB);
    await first.store.write('manifest', LAYER, bytesOf('kept'));
    await first.store.close();
    const ledger = join(first.directory, 'v2/ledger');
    rmSync(ledger);
    await make(ledger);
    const { store, warnings } = await openStore(4 * MIB, first.directory);
    expect(await store.write('page', pageKey(LAYER, 0), page(1))).toBe(true);
    expect([warnings, statSync(ledger).isFile()]).toEqual([[], true]);
  });

  test('a directory that was deleted under our feet is made again', async () => {
    const { store, directory, warnings } = await openStore(4 * MIB);
    await store.write('page', pageKey(LAYER, 0), page(1));
    rmSync(directory, { recursive: true });
    for (let n = 0; n < 20; n++) await store.write('page', pageKey(LAYER, n), page(n));
    expect(store.readSync('page', pageKey(LAYER, 19))).toEqual(page(19));
    expect(warnings).toEqual([]);
  });
});

describe('the cap', () => {
  test('0 touches no disk at all', async () => {
    const directory = join(scratchDirectory(), 'never');
    const { store, warnings } = await openStore(0, directory);
    expect(await store.write('page', pageKey(LAYER, 0), page(1))).toBe(false);
    expect([store.usable, store.readSync('page', pageKey(LAYER, 0)), await store.entries()]).toEqual([
      false,
      undefined,
      [],
    ]);
    await store.prune(0);
    await store.close();
    expect([existsSync(directory), warnings]).toEqual([false, []]);
  });

  test('smaller than a page keeps small things only, and says nothing', async () => {
    const { store, warnings } = await openStore(PAGE_CHARGE + BASE - 1);
    expect(await store.write('page', pageKey(LAYER, 0), page(1))).toBe(false);
    expect(await store.write('manifest', LAYER, bytesOf('small'))).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('of just a page keeps the last page written', async () => {
    const { store } = await openStore(PAGE_CHARGE + BASE);
    for (let n = 0; n < 3; n++) expect(await store.write('page', pageKey(LAYER, n), page(n))).toBe(true);
    expect(await keptKeys(store)).toEqual([`page ${pageKey(LAYER, 2)}`]);
  });

  test('evicts pages by their last use, then trees, manifests, states and indexes', async () => {
    const { store, directory } = await openStore(8 * MIB);
    const layers = [1, 2, 3, 4].map((n) => `sha256:${String(n).repeat(64)}`);
    for (const [n, layer] of layers.entries()) await store.write('page', pageKey(layer, 0), page(n));
    await store.write('tree', LAYER, page(4));
    await store.write('manifest', LAYER, page(5));
    await store.write('index', indexKey(1, LAYER), page(6));
    await store.write('states', indexKey(1, LAYER), page(7));
    age(directory, `index/${indexKey(1, LAYER)}`, 1000);
    age(directory, `states/${indexKey(1, LAYER)}`, 950);
    age(directory, `manifests/${LAYER}`, 900);
    age(directory, `trees/${LAYER}`, 800);
    [3, 5, 2, 4].forEach((minutes, n) => {
      age(directory, `pages/${pageKey(layers[n]!, 0)}`, minutes);
    });
    await store.close(); // so that its reserve doesn't count
    const order = [layers[1], layers[3], layers[0], layers[2]].map((layer) => `page ${layer}/0`);
    const ofLayer = [`states ${indexKey(1, LAYER)}`, `index ${indexKey(1, LAYER)}`];
    const all = [...order, `tree ${LAYER}`, `manifest ${LAYER}`, ...ofLayer];
    for (let gone = 0; gone <= all.length; gone++) {
      await store.prune(BASE + (all.length - gone) * PAGE_CHARGE);
      expect(await keptKeys(store)).toEqual(all.slice(gone).sort());
    }
    expect(readdirSync(join(directory, 'v2/pages'))).toEqual([]); // no empty folders stay behind
  });

  test('holds for what du counts, whatever the sizes', async () => {
    const cap = 2 * MIB;
    const { store, directory } = await openStore(cap);
    for (let n = 0; n < 300; n++) {
      const size = [0, 1, 100, 4096, 5000, PAGE][n % 6]!;
      const layer = `sha256:${n.toString(16).padStart(64, '0')}`;
      expect(await store.write('page', pageKey(layer, n), new Uint8Array(size))).toBe(true);
      if (n % 10 === 0) expect(diskUsage(directory)).toBeLessThanOrEqual(cap);
    }
    expect(diskUsage(directory)).toBeGreaterThan(cap / 4); // it does keep something
  });

  test('a smaller one than last time holds from the start', async () => {
    const { store, directory } = await openStore(8 * MIB);
    for (let n = 0; n < 20; n++) await store.write('page', pageKey(LAYER, n), page(n));
    await store.close();
    await openStore(2 * MIB, directory);
    expect(diskUsage(directory)).toBeLessThanOrEqual(2 * MIB);
  });

  test.each([
    ['gone', undefined],
    ['empty', ''],
    ['no JSON', '{"charged":'],
    ['no ledger', '{"charged":-5,"grants":{}}'],
    ['null', 'null'],
    ['of another time', '{"charged":0,"grants":{"x":"y"}}'],
  ])('holds when the ledger is %s', async (_, text) => {
    const cap = 4 * MIB;
    const first = await openStore(cap);
    for (let n = 0; n < 12; n++) await first.store.write('page', pageKey(LAYER, n), page(n));
    await first.store.close();
    const ledger = join(first.directory, 'v2/ledger');
    rmSync(ledger);
    if (text !== undefined) writeFileSync(ledger, text);
    const { store } = await openStore(cap, first.directory);
    for (let n = 12; n < 40; n++) {
      expect(await store.write('page', pageKey(LAYER, n), page(n))).toBe(true);
      expect(diskUsage(first.directory)).toBeLessThanOrEqual(cap);
    }
  });

  test('closing gives the reserve back', async () => {
    const cap = 2 * (PAGE_CHARGE + BASE);
    const first = await openStore(cap);
    await first.store.write('manifest', LAYER, bytesOf('x'));
    const reserved = () => JSON.parse(readFileSync(join(first.directory, 'v2/ledger'), 'utf8')).grants;
    expect(Object.keys(reserved()).length).toBe(1);
    await first.store.close();
    expect(reserved()).toEqual({});
    expect(await first.store.write('manifest', LAYER, bytesOf('y'))).toBe(false);
  });
});

describe('removing chosen files', () => {
  test('frees their room, spares the others, and waits for no reader', async () => {
    const { store } = await openStore(4 * MIB);
    await store.write('page', 'a/0', new Uint8Array(MIB));
    await store.write('page', 'b/0', new Uint8Array(MIB));
    await store.write('index', 'kept', new Uint8Array(10));
    const fd = store.openFd('page', 'a/0')!;
    const gone = await store.removeFiles((files) => files.filter(({ kind }) => kind === 'page'));
    expect(gone.map(({ key }) => key).sort()).toEqual(['a/0', 'b/0']);
    expect((await store.entries()).map(({ key }) => key)).toEqual(['kept']);
    expect(store.namesSync('page')).toEqual([]);
    expect(readSync(fd, Buffer.alloc(MIB))).toBe(MIB);
    closeSync(fd);
    for (const key of ['c/0', 'd/0', 'e/0'])
      expect(await store.write('page', key, new Uint8Array(MIB))).toBe(true);
    expect(store.has('index', 'kept')).toBe(true);
  });
});

describe('leftovers', () => {
  test('of the dead are removed, of the living not', async () => {
    const directory = scratchDirectory();
    const folder = join(directory, 'v2/tmp');
    mkdirSync(folder, { recursive: true });
    const own = newWriterName();
    const [pid, started, namespace] = own.split('.');
    const now = Date.now();
    const alive = [`${own}.3`, `${pid}.1.1${namespace}.${now}-aa.0`]; // the second one in another container
    // A zombie still has a process entry. Its parent is `sleep`, which never waits for a child.
    // Before that it is `sh`, which does, so the child ends only afterwards.
    const parent = spawn('sh', ['-c', 'exec 3<&0; sh -c "read line" <&3 & echo $!; exec sleep 60']);
    onCleanUp(() => void parent.kill());
    const zombie = String(await once(parent.stdout, 'data')).trim();
    const until = async (isTrue: () => boolean) => {
      while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1') === 'sleep\n');
    parent.stdin.end();
    const stat = () => readFileSync(`/proc/${zombie}/stat`, 'latin1').split(' ');
    await until(() => stat()[2] === 'Z');
    const dead = [
      `${zombie}.${stat()[21]}.${namespace}.${now}-bb.ledger`,
      `${zombie}.${stat()[21]}.bb.ledger`, // as an earlier version wrote it
      `${pid}.1.${namespace}.${now}-cc.0`, // this process's pid, started at another time
      `${pid}.${started}.1${namespace}.${now - 2 * 24 * 60 * 60 * 1000}-dd.0`, // in another container, long ago
      `4194305.77.${namespace}.${now}-ee.0`, // no process: pid_max is 2^22 at most
      '4194305.77.ee.ledger',
      'nonsense',
    ];
    for (const name of [...alive, ...dead]) {
      writeFileSync(join(folder, name), 'half');
    }
    await openStore(MIB, directory);
    expect(readdirSync(folder).sort()).toEqual(alive.sort());
  });
});

describe('a directory that cannot be used', () => {
  async function expectUnused(directory: string, reason: RegExp): Promise<void> {
    const { store, warnings } = await openStore(MIB, directory);
    expect(await store.write('manifest', LAYER, bytesOf('x'))).toBe(false);
    expect(store.readSync('manifest', LAYER)).toBe(undefined);
    await store.close();
    expect(store.usable).toBe(false);
    expect(warnings).toEqual([expect.stringMatching(reason)]);
  }

  test('a file in its place', async () => {
    const path = join(scratchDirectory(), 'file');
    writeFileSync(path, '');
    await expectUnused(path, /file exists|not a directory/);
  });

  test('a symlink in the place of the version', async () => {
    const directory = scratchDirectory();
    symlinkSync(scratchDirectory(), join(directory, 'v2'));
    await expectUnused(directory, /v2 is not a directory/);
  });

  test.runIf(IS_ROOT).each(['', 'v2'])('another user owns it (%s)', async (part) => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'v2'));
    chownSync(join(directory, part), NOBODY, NOBODY);
    await expectUnused(directory, /belongs to user 65534/);
  });

  test.runIf(IS_ROOT)('a read-only file system', async () => {
    const directory = scratchTmpfs(MIB);
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    await expectUnused(directory, /read-only file system/);
  });

  test.runIf(IS_ROOT)('unless something is kept on it: that is read', async () => {
    const directory = scratchTmpfs(MIB);
    const first = await openStore(MIB, directory);
    await first.store.write('manifest', LAYER, bytesOf('kept'));
    await first.store.close();
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    const { store, warnings } = await openStore(MIB, directory);
    expect(new TextDecoder().decode(store.readSync('manifest', LAYER))).toBe('kept');
    expect(warnings).toEqual([]);
  });

  test('is made for its owner only', async () => {
    const mode = (path: string) => statSync(path).mode & 0o7777;
    const fresh = join(scratchDirectory(), 'a/b');
    const open = scratchDirectory();
    chmodSync(open, 0o775);
    const shared = scratchDirectory(); // like /tmp
    chmodSync(shared, 0o1777);
    for (const directory of [fresh, open, shared]) await openStore(MIB, directory);
    expect([fresh, open, shared].map(mode)).toEqual([0o700, 0o700, 0o1777]);
    expect([fresh, open, shared].map((directory) => mode(join(directory, 'v2')))).toEqual([
      0o700, 0o700, 0o700,
    ]);
  });
});

describe.runIf(IS_ROOT)('a disk that', () => {
  test('is full: one warning, nothing more is written, reads continue', async () => {
    const directory = scratchTmpfs(MIB);
    const { store, warnings } = await openStore(64 * MIB, directory);
    const kept: boolean[] = [];
    for (let n = 0; n < 8; n++) kept.push(await store.write('page', pageKey(LAYER, n), page(n)));
    expect(kept).toEqual([true, true, true, false, false, false, false, false]);
    expect(warnings).toEqual([expect.stringMatching(/no space left on device/)]);
    expect(store.readSync('page', pageKey(LAYER, 2))).toEqual(page(2));
    expect(readdirSync(join(directory, 'v2/tmp'))).toEqual([]);
  });

  test('becomes read-only: the same', async () => {
    const directory = scratchTmpfs(4 * MIB);
    const { store, directory: cache, warnings } = await openStore(4 * MIB, join(directory, 'cache'));
    await store.write('page', pageKey(LAYER, 0), page(0));
    age(cache, `pages/${pageKey(LAYER, 0)}`, 10);
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    for (let n = 1; n < 4; n++) expect(await store.write('page', pageKey(LAYER, n), page(n))).toBe(false);
    expect(store.readSync('page', pageKey(LAYER, 0))).toEqual(page(0));
    expect(store.readSync('page', pageKey(LAYER, 0))).toEqual(page(0));
    expect(warnings).toEqual([expect.stringMatching(/read-only file system/)]);
  });
});

test('closing does not recreate a deleted directory', async () => {
  const { store, directory, warnings } = await openStore();
  await store.write('page', pageKey(LAYER, 0), page(1));
  rmSync(join(directory, 'v2'), { recursive: true });
  await store.close();
  expect(readdirSync(directory)).toEqual([]);
  expect(warnings).toEqual([]);
});
