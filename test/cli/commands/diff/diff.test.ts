import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComparedImages, viewBoth } from '#src/cli/commands/diff/compared-images.js';
import type { SessionUse } from '#src/cli/image-session-command.js';
import { noise } from '../../../blob/bytes.js';
import { attempt, type Ended, run } from '../../../support/child.js';
import { estargz } from '../../../support/estargz.js';
import { FaultProxy } from '../../../support/fault-proxy.js';
import {
  blobName,
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { pushImage, sha256, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { char, dir, file, hardlink, symlink, tarOf, whiteout } from '../../../support/tar.js';
import { Terminal } from '../../../support/terminal.js';

const BIG = noise(300_000, 1);
const OTHER = Buffer.from(BIG);
OTHER[299_000]! ^= 1;
const TEXT = Array.from({ length: 30 }, (_, i) => `line ${i}\n`).join('');

const BASE = tarOf(
  dir('etc/'),
  file('etc/conf', TEXT),
  file('etc/mode', 'x'),
  file('etc/odd\x1b[31m\n', 'x'),
  file('etc/latin', Buffer.from('caf\xe9\n', 'latin1')),
  dir('usr/'),
  dir('usr/lib/'),
  file('usr/lib/big', BIG),
  file('usr/lib/same', BIG),
  symlink('usr/link', 'lib'),
  char('null', 1, 3),
  hardlink('usr/lib/linked', 'usr/lib/same'),
  dir('gone/'),
  file('gone/file', 'x'),
);
const ONE = tarOf(file('one', '1'));
const TWO = tarOf(
  file('etc/conf', TEXT.replace('line 3\n', 'three\x1b\t!\n')),
  file('etc/mode', 'x', { mode: 0o4755, uid: 7, gid: 8 }),
  file('etc/latin', Buffer.from('caf\xe8\n', 'latin1')),
  file('usr/lib/big', OTHER),
  file('usr/lib/same', BIG, { mtime: 5 }),
  symlink('usr/link', '/usr/lib'),
  char('null', 1, 5),
  whiteout('gone'),
  dir('new/'),
  file('new/n', 'nn'),
  file('etc/odd\x1b[31m\n', 'y'),
  file('etc/attrs', '', { xattrs: { 'user.a': 'b' } }),
);
const [base, one, two] = [BASE, ONE, TWO].map((tar) => gzipSync(tar)) as [Buffer, Buffer, Buffer];

/** What `two` changes of `one`, for people. */
const CHANGES = [
  '+ /etc/attrs',
  `~ /etc/conf  size 230 B -> 232 B`,
  '~ /etc/latin  content',
  '~ /etc/mode  mode 0644 -> 4755, owner 0:0 -> 7:8',
  '~ /etc/odd\\x1b[31m\\x0a  content',
  '- /gone/',
  '- /gone/file',
  '+ /new/',
  '+ /new/n',
  '~ /null  device 1:3 -> 1:5',
  '- /one',
  '~ /usr/lib/big  content',
  '~ /usr/link  target lib -> /usr/lib',
];
const STEPS = ['- step 2  RUN one', '+ step 2  RUN two'];
const history = (...commands: string[]) => commands.map((created_by) => ({ created_by }));

let registry: TestRegistry;
let other: TestRegistry;
let place: Workplace;
const image = (name: string) => `${registry.host}/${name}`;

beforeAll(async () => {
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
  place = new Workplace();
  const push = (name: string, layers: Uint8Array[], more: object = {}, to = registry) =>
    pushImage(to, name, { layers, ...more });
  await push('app:1', [base, one], { config: { history: history('FROM base', 'RUN one') } });
  await push('app:2', [base, two], { config: { history: history('FROM base', 'RUN  two') } });
  await push('app:2', [base, two], { config: { history: history('FROM base', 'RUN  two') } }, other);
  await push('again:1', [gzipSync(tarOf(dir('d/'), file('d/x', BIG), file('d/y', '1')), { level: 9 })]);
  await push('again:2', [gzipSync(tarOf(file('d/y', '1'), dir('d/'), file('d/x', BIG)), { level: 1 })]);
});
afterAll(async () => {
  await Promise.all([registry?.stop(), other?.stop(), place?.cleanUp()]);
});

const diff = (...args: string[]) => place.layerslayer(['diff', ...args], { cwd: place.scratch });
const linesOf = ({ stdout }: Ended) => stdout.split('\n').slice(0, -1);
const rowsOf = (ended: Ended): Record<string, unknown>[] =>
  linesOf(ended).map((line) => JSON.parse(Buffer.from(line, 'latin1').toString()));
const paths = (ended: Ended) => rowsOf(ended).map(({ path, change }) => `${change} ${path}`);

describe('diff', () => {
  it('lists what was added, removed and changed, build steps first, and ends with 1', async () => {
    const ended = await diff(image('app:1'), image('app:2'));
    expect(linesOf(ended)).toEqual([...STEPS, ...CHANGES]);
    expect([ended.status, ended.stderr]).toEqual([1, '3 added, 3 removed, 7 changed\n']);
  });

  it('of equal images prints nothing, and ends with 0', async () => {
    const nothing = { status: 0, stdout: '', stderr: '' };
    expect(await diff(image('app:1'), image('app:1'))).toMatchObject(nothing);
    expect(await diff(image('app:2'), `${other.host}/app:2`)).toMatchObject(nothing);
    // Packed in another way, and in another order.
    expect(await diff(image('again:1'), image('again:2'))).toMatchObject(nothing);
    expect(await diff(image('app:2'), image('app:2'), '/etc/conf')).toMatchObject(nothing);
  });

  it('reads nothing of the layers that both have, and nothing at all of one image', async () => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const [some, others] = [`${proxy.host}/app:1`, `${proxy.host}/app:2`];
      const fresh = (...args: string[]) => diff('--cache-dir', join(place.scratch, 'fresh'), ...args);
      expect(await fresh(others, others)).toMatchObject({ status: 0 });
      expect(proxy.blobBytes).toBeLessThan(2_000); // configs
      expect((await fresh(some, others)).status).toBe(1);
      const indexed = proxy.blobBytes;
      // The one file of a size that it had before is read on both sides, others are not.
      expect((await fresh(some, others, '/etc')).status).toBe(1);
      expect(proxy.blobBytes - indexed).toBeLessThan(300_000);
      const before = proxy.blobBytes;
      expect((await fresh(some, others, '/new')).status).toBe(1);
      expect(proxy.blobBytes).toBe(before);
    } finally {
      await proxy.stop();
    }
  });

  it('compares a path and what is below it', async () => {
    expect(linesOf(await diff(image('app:1'), image('app:2'), '/usr'))).toEqual(CHANGES.slice(-2));
    expect(linesOf(await diff(image('app:1'), image('app:2'), 'new/n'))).toEqual(['+ /new/n']);
    expect(linesOf(await diff(image('app:1'), image('app:2'), '/gone'))).toEqual([
      '- /gone/',
      '- /gone/file',
    ]);
    const missing = await diff(image('app:1'), image('app:2'), '/etc/nothing');
    expect(missing).toMatchObject({ status: 10, stdout: '' });
    expect(missing.stderr).toBe('layerslayer: no such file in either image: /etc/nothing (/etc exists)\n');
    expect((await diff(image('app:2'), image('app:2'), '/gone')).stderr).toContain(
      'layer 1 has it, layer 2 deletes it: --layer 1',
    );
  });

  it('counts times only with --times', async () => {
    const rows = linesOf(await diff('--times', image('app:1'), image('app:2'), '/usr/lib/same'));
    expect(rows).toEqual(['~ /usr/lib/same  mtime 2017-07-14T02:40:00Z -> 1970-01-01T00:00:05Z']);
    expect(await diff(image('app:1'), image('app:2'), '/usr/lib/same')).toMatchObject({
      status: 0,
      stdout: '',
    });
  });

  it('compares a layer of both, or one of each', async () => {
    expect(linesOf(await diff('--layer', '2', image('app:1'), image('app:2'), '/one'))).toEqual(['- /one']);
    expect(linesOf(await diff('--layer', '1', image('app:1'), image('app:2')))).toEqual([]);
    const crossed = await diff('--layer', '1', '--layer', '2', image('app:2'), image('app:2'), '/usr/lib');
    expect(linesOf(crossed)).toEqual(['~ /usr/lib/big  content', '- /usr/lib/linked']);
    expect(await diff('--layer', '3', image('app:1'), image('app:2'))).toMatchObject({ status: 10 });
    const thrice = ['--layer', '1', '--layer', '1', '--layer', '1'];
    expect(await diff(...thrice, image('app:1'), image('app:2'))).toMatchObject({ status: 2 });
  });

  it('prints NDJSON for jq', async () => {
    const ended = await diff('--json', image('app:1'), image('app:2'));
    expect([ended.status, ended.stderr]).toEqual([1, '']);
    const rows = rowsOf(ended);
    expect(rows.slice(0, 2)).toEqual([
      { path: null, change: 'removed', fields: ['step'], step: 2, from: 'RUN one', to: null },
      { path: null, change: 'added', fields: ['step'], step: 2, from: null, to: 'RUN  two' },
    ]);
    const byPath = new Map(rows.map((row) => [row.path, row]));
    const mtime = 1_500_000_000;
    expect(byPath.get('/etc/mode')).toEqual({
      path: '/etc/mode',
      change: 'changed',
      fields: ['mode', 'owner'],
      from: {
        layer: 1,
        layerDigest: expect.stringMatching(/^sha256:/),
        kind: 'file',
        mode: '0644',
        uid: 0,
        gid: 0,
        size: 1,
        mtime,
      },
      to: {
        layer: 2,
        layerDigest: expect.stringMatching(/^sha256:/),
        kind: 'file',
        mode: '4755',
        uid: 7,
        gid: 8,
        size: 1,
        mtime,
      },
    });
    expect(byPath.get('/etc/conf')).toMatchObject({
      fields: ['size', 'content'],
      from: { size: 230 },
      to: { size: 232 },
    });
    expect(byPath.get('/etc/odd\x1b[31m\n')).toMatchObject({ fields: ['content'] });
    expect(byPath.get('/one')).toMatchObject({ change: 'removed', fields: [], from: { layer: 2 }, to: null });
    expect(byPath.get('/new')).toMatchObject({ change: 'added', from: null, to: { kind: 'dir' } });
    expect(byPath.get('/null')).toMatchObject({ from: { device: [1, 3] }, to: { device: [1, 5] } });
    expect(byPath.get('/usr/link')).toMatchObject({ from: { target: 'lib' }, to: { target: '/usr/lib' } });
    const script = '"$@" | jq -r "select(.change == \\"added\\").path"';
    const jq = [
      '-c',
      script,
      'bash',
      ...place.program,
      'diff',
      '--json',
      image('app:1'),
      image('app:2'),
      '/new',
    ];
    expect(await attempt('bash', jq, { env: place.env })).toMatchObject({ stdout: '/new\n/new/n\n' });
  });

  it('prints the values of attributes that differ', async () => {
    await pushImage(registry, 'attrs:1', { layers: [tarOf(file('f', '', { xattrs: { 'user.a': 'b' } }))] });
    await pushImage(registry, 'attrs:2', { layers: [tarOf(file('f', '', { xattrs: { 'user.a': 'c' } }))] });
    const ended = await diff('--json', image('attrs:1'), image('attrs:2'));
    const xattrs = (value: string) => [
      { name: 'user.a', valueBase64: Buffer.from(value).toString('base64') },
    ];
    expect(rowsOf(ended)).toMatchObject([
      { path: '/f', fields: ['xattrs'], from: { xattrs: xattrs('b') }, to: { xattrs: xattrs('c') } },
    ]);
  });

  it('prints config that differs first', async () => {
    const config = (Cmd: string[], Env: string[], Labels: object) => ({
      layers: [one],
      config: { config: { Cmd, Env, Labels } },
    });
    await pushImage(registry, 'config:1', config(['a'], ['PATH=/bin', 'A=1'], { l: 'x' }));
    await pushImage(registry, 'config:2', config(['b', 'c'], ['A=1', 'PATH=/sbin'], { '\x1b': 'y' }));
    const ended = await diff(image('config:1'), image('config:2'));
    expect([ended.status, ...linesOf(ended)]).toEqual([
      1,
      '~ config cmd  ["a"] -> ["b","c"]',
      '~ config env PATH  "/bin" -> "/sbin"',
      '- config labels l  "x"',
      '+ config labels \\x1b  "y"',
    ]);
    expect(rowsOf(await diff('--json', image('config:1'), image('config:2')))[1]).toEqual({
      path: null,
      change: 'changed',
      fields: ['config'],
      config: 'env',
      key: 'PATH',
      from: '/bin',
      to: '/sbin',
    });
    // With a path only what is at and below it counts.
    expect(await diff(image('config:1'), image('config:2'), '/')).toMatchObject({ status: 0, stdout: '' });
    const names = await diff('--name-only', image('config:1'), image('config:2'));
    expect(names).toMatchObject({ status: 1, stdout: '', stderr: 'config or build steps differ\n' });
  });

  it('--name-only prints paths only', async () => {
    const ended = await diff('--name-only', image('app:1'), image('app:2'), '/etc');
    expect(linesOf(ended)).toEqual([
      '/etc/attrs',
      '/etc/conf',
      '/etc/latin',
      '/etc/mode',
      '/etc/odd\\x1b[31m\\x0a',
    ]);
    const json = await diff('--name-only', '--json', image('app:1'), image('app:2'), '/new');
    expect(rowsOf(json)).toEqual([
      { path: '/new', change: 'added' },
      { path: '/new/n', change: 'added' },
    ]);
  });

  it('--stat sums counts and bytes by directory, two levels deep', async () => {
    const ended = await diff('--stat', image('app:1'), image('app:2'));
    expect(ended).toMatchObject({ status: 1, stderr: '' });
    expect(
      linesOf(ended)
        .slice(STEPS.length)
        .map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ['ADDED', 'REMOVED', 'CHANGED', 'BEFORE', 'AFTER DIRECTORY'],
      ['1', '0', '4', '236 B', '238 B /etc/'],
      ['0', '1', '0', '1 B', '0 B /gone/'],
      ['1', '0', '0', '0 B', '2 B /new/'],
      ['0', '0', '1', '293.0 KiB', '293.0 KiB /usr/lib/'],
      ['0', '0', '2', '293.0 KiB', '293.0 KiB /usr/'],
      ['3', '3', '7', '293.2 KiB', '293.2 KiB /'],
    ]);
    const rows = rowsOf(await diff('--stat', '--json', image('app:1'), image('app:2'), '/usr'));
    expect(rows.at(-1)).toEqual({
      path: '/usr',
      added: 0,
      removed: 0,
      changed: 2,
      errors: 0,
      fromBytes: 300_000,
      toBytes: 300_000,
    });
  });

  it('--content prints a unified diff that patch takes, byte for byte', async () => {
    const ended = await diff('--content', image('app:1'), image('app:2'), '/etc');
    const text = ended.stdout;
    expect(text).toContain(
      '~ /etc/conf  size 230 B -> 232 B\n--- a/etc/conf\n+++ b/etc/conf\n@@ -1,7 +1,7 @@\n line 0\n',
    );
    expect(text).toContain('-line 3\n+three\x1b\t!\n');
    expect(text).toContain('@@ -1 +1 @@\n-caf\xe9\n+caf\xe8\n~ /etc/mode');
    const path = join(place.scratch, 'conf');
    await run('bash', ['-c', 'cat >"$1"', 'bash', path], { input: TEXT });
    const patch = await diff('--content', image('app:1'), image('app:2'), '/etc/conf');
    await run('patch', ['-s', path], { input: Buffer.from(patch.stdout, 'latin1') });
    const patched = await run('cat', [path]);
    expect(patched.stdout).toBe(TEXT.replace('line 3\n', 'three\x1b\t!\n'));
    const rows = rowsOf(await diff('--content', '--json', image('app:1'), image('app:2'), '/etc/latin'));
    expect(rows[0]!.content).toEqual({
      kind: 'text',
      diff: '--- a/etc/latin\n+++ b/etc/latin\n@@ -1 +1 @@\n-caf\ufffd\n+caf\ufffd\n',
    });
  });

  it('--content says of binary and of large files only that they differ', async () => {
    const large = Buffer.alloc(1_100_000, 'text\n');
    await pushImage(registry, 'large:1', { layers: [tarOf(file('l', large), file('b', 'a\0b'))] });
    await pushImage(registry, 'large:2', {
      layers: [tarOf(file('l', large.subarray(5)), file('b', 'a\0c'))],
    });
    const ended = await diff('--content', image('large:1'), image('large:2'));
    expect(linesOf(ended)).toEqual(
      [
        '~ /b  content',
        'Binary files differ',
        '~ /l  size 1.0 MiB -> 1.0 MiB',
        'Files of more than 1 MiB differ',
      ].with(2, '~ /l  size 1100000 B -> 1099995 B'),
    );
    const rows = rowsOf(await diff('--content', '--json', image('large:1'), image('large:2')));
    expect(rows.map(({ content }) => content)).toEqual([{ kind: 'binary' }, { kind: 'large' }]);
  });

  it('escapes control characters of contents and names on a terminal, and colours lines', async () => {
    const command = [...place.program, 'diff', '--content', image('app:1'), image('app:2'), '/etc'];
    const options = { cwd: place.scratch, env: { ...place.env, TERM: 'xterm' }, rows: 60 };
    const terminal = new Terminal(place.scratch, command, options);
    expect(await terminal.left()).toMatchObject({ status: 1 });
    const screen = terminal.screen();
    terminal.close();
    expect(screen).toMatch(/^\+three\\x1b +!$/m);
    expect(screen).toContain('-caf\\xe9');
    expect(screen).toContain('~ /etc/odd\\x1b[31m\\x0a  content');
    const coloured = await diff('--color=always', image('app:1'), image('app:2'), '/new');
    expect(coloured.stdout).toBe('\x1b[32m+ /new/\x1b[0m\n\x1b[32m+ /new/n\x1b[0m\n');
  });

  it('says on a terminal whose layers the bars are of', async () => {
    const opened = (reference: string, count: number) => ({
      resolved: { reference, manifest: { layers: Array.from({ length: count }) } },
      view: async () => ({ layers: [] }),
    });
    const images = { from: opened('app:1', 1), to: opened('app:2', 3) } as unknown as ComparedImages;
    const notices = async (canDrawLive: boolean) => {
      const said: string[] = [];
      const display = { resolved: () => {}, notice: (line: string) => said.push(line), warn: () => {} };
      await viewBoth(images, undefined, { display } as unknown as SessionUse, { canDrawLive });
      return said;
    };
    expect(await notices(true)).toEqual(['layers 1-1: app:1; 2-4: app:2']);
    expect(await notices(false)).toEqual([]);
  });

  it('reports a file that can not be read, compares the others, and ends with its status', async () => {
    const contents = [noise(400_000, 1), noise(400_000, 2), noise(400_000, 3)];
    const layer = (salt: number) =>
      tarOf(...contents.map((content, i) => file(`f${i}`, content)), file('last', noise(100, salt)));
    const builder = new LayoutBuilder();
    const images = [1, 2].map((salt) => named(builder.image([layer(salt)]), `v${salt}`));
    const directory = writeDirectory(join(place.scratch, 'faulty'), builder.top(images));
    const ask = (...args: string[]) => diff(...args, `oci:${directory}:v1`, `oci:${directory}:v2`);
    expect(linesOf(await ask())).toEqual(['~ /last  content']);
    const path = join(directory, blobName(sha256(layer(2))));
    const bytes = readFileSync(path);
    bytes[bytes.indexOf(contents[1]!) + 200_000]! ^= 1;
    writeFileSync(path, bytes);
    const ended = await ask();
    expect([ended.status, ...linesOf(ended)]).toEqual([
      14,
      '! /f1  could not be compared',
      '~ /last  content',
    ]);
    expect(ended.stderr).toMatch(/^layerslayer: \/f1: layer 1 of oci:\S+:v2: /);
    expect(ended.stderr).toContain('0 added, 0 removed, 1 changed, 1 file could not be compared\n');
    const json = await ask('--json');
    expect([json.status, ...paths(json)]).toEqual([14, 'error /f1', 'changed /last']);
    expect(rowsOf(json)[0]!.error).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect((await ask('--stat')).stdout).toContain('/  (1 could not be compared)\n');
  });

  it('warns of images for different platforms, and compares them', async () => {
    const [amd, arm] = [{ architecture: 'amd64' }, { architecture: 'arm64' }];
    const some = await pushImage(registry, 'arch', { layers: [one], config: amd });
    const others = await pushImage(registry, 'arch', { layers: [base], config: arm });
    const ended = await diff(`${image('arch')}@${some.digest}`, `${image('arch')}@${others.digest}`, '/one');
    expect(linesOf(ended)).toEqual(['- /one']);
    expect(ended.stderr).toMatch(/^warning: \S+ is for linux\/amd64, \S+ for linux\/arm64\n/);
  });

  it('compares images of a registry, a layout and archives with each other', async () => {
    const builder = new LayoutBuilder();
    const layers = [BASE, TWO];
    const files = builder.top([named(builder.image(layers), 'two')]);
    const layout = `oci:${writeDirectory(join(place.scratch, 'layout'), files)}:two`;
    const archive = `oci-archive:${writeArchive(join(place.scratch, 'archive.tar'), files)}:two`;
    const plain = dockerArchiveFiles([{ layers: [BASE, ONE], tags: ['app:1'] }]);
    const docker = `docker-archive:${writeArchive(join(place.scratch, 'docker.tar'), plain)}:app:1`;
    for (const [from, to] of [
      [image('app:1'), layout],
      [docker, archive],
      [docker, image('app:2')],
    ] as const) {
      expect(linesOf(await diff(from, to, '/')), `${from} ${to}`).toEqual(CHANGES);
    }
    expect(await diff(layout, archive)).toMatchObject({ status: 0, stdout: '' });
  });

  it('says that an index was not compared with its layer', async () => {
    const [some, others] = ['1', '2'].map((content) =>
      estargz([
        { path: 'd/', content: '' },
        { path: 'd/same', content: BIG },
        { path: 'd/other', content },
      ]),
    );
    await pushImage(registry, 'star:1', { layers: [some!] });
    await pushImage(registry, 'star:2', { layers: [others!] });
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const ended = await diff('--json', `${proxy.host}/star:1`, `${proxy.host}/star:2`, '/d');
      expect(rowsOf(ended)).toMatchObject([{ path: '/d/other', fields: ['content'], verified: false }]);
      expect(ended.stderr).toMatch(
        /^(not verified: the index of layer 1 was not compared with the layer: \S+\n){2}$/,
      );
      expect(proxy.blobBytes).toBeLessThan(100_000); // tables, and no contents: their digests are enough
    } finally {
      await proxy.stop();
    }
  });

  it('ends quietly without a reader', async () => {
    const script = '"$@" | head -1; echo "$PIPESTATUS"';
    const many = Array.from({ length: 20_000 }, (_, i) => file(`f${i}`, ''));
    await pushImage(registry, 'many:1', { layers: [gzipSync(tarOf(...many))] });
    const args = ['-c', script, 'bash', ...place.program, 'diff', '-q', image('many:1'), image('app:1')];
    const ended = await attempt('bash', args, { env: place.env });
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(/^[^\n]+\n0\n$/);
  });

  it.each([
    [['--stat', '--content'], '--stat and --content exclude each other'],
    [['--name-only', '--stat'], '--stat and --name-only exclude each other'],
  ])('%j is wrong usage', async (options, message) => {
    const ended = await diff(...options, image('app:1'), image('app:2'));
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(message);
  });
});
