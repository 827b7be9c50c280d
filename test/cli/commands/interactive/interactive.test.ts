import { mkdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { builtProgram } from '../../../setup/programs.js';
import { FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import { LayoutBuilder, named, writeDirectory } from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { pushImage, pushIndex, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, file, tarOf, whiteout } from '../../../support/tar.js';
import { Terminal } from '../../../support/terminal.js';

/** Sets the terminal's title, and colours. */
const EVIL = '\x1b]2;evil\x07\x1b[31m';
const LAYERS = [
  tarOf(dir('etc/'), file('etc/passwd', 'root:x:0:0\n'), file(`etc/${EVIL}`, 'x')),
  tarOf(dir('app/'), file('app/main', 'hello\n')),
  tarOf(whiteout('app/main'), file('app/other', 'other\n')),
].map((tar) => gzipSync(tar));

const configOf = (architecture: string) => ({
  architecture,
  config: { Cmd: ['x'.repeat(200)], Env: [EVIL] },
  history: [
    { created_by: '/bin/sh -c #(nop) ADD file:1 in / ' },
    { created_by: 'ENV A=1', empty_layer: true },
    { created_by: `RUN /bin/sh -c ${EVIL} ${'日本語 long '.repeat(30)} # buildkit` },
    { created_by: 'COPY a b # buildkit' },
  ],
});

const MANY = 60;

let registry: TestRegistry;
let place: Workplace;
const terminals: Terminal[] = [];

beforeAll(async () => {
  registry = await startRegistry();
  const images = [];
  for (const architecture of ['arm64', 'amd64']) {
    const image = await pushImage(registry, 'test/app', { layers: LAYERS, config: configOf(architecture) });
    images.push({ image, platform: { os: 'linux', architecture } });
  }
  await pushIndex(registry, 'test/app:v1', images);
  await pushImage(registry, 'test/one:v1', { layers: LAYERS.slice(0, 1) });
  const many = Array.from({ length: MANY }, (_, i) => gzipSync(tarOf(file(`f${i}`, String(i)))));
  await pushImage(registry, 'test/many:v1', { layers: many });
  await pushImage(registry, 'test/large:v1', { layers: [gzipSync(tarOf(file('noise', noise(500_000, 1))))] });
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
});
afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.close();
  await place.cleanUp();
});

function open(args: readonly string[], size: { columns?: number; rows?: number } = {}): Terminal {
  const command = [...place.program, ...args];
  const terminal = new Terminal(place.scratch, command, { cwd: place.scratch, env: place.env, ...size });
  terminals.push(terminal);
  return terminal;
}

const app = () => `${registry.host}/test/app:v1`;
const one = () => `${registry.host}/test/one:v1`;

/** To the choice of what to do with an image of one layer. */
async function openOne(): Promise<Terminal> {
  const terminal = open(['interactive', one()]);
  await terminal.shows(/What next/);
  return terminal;
}

/** Takes a choice of the list that is on the screen. */
function choose(terminal: Terminal, label: RegExp): void {
  const lines = terminal.screen().split('\n');
  const cursor = lines.findIndex((line) => line.startsWith('❯'));
  const wanted = lines.findIndex((line, i) => i >= lines.lastIndexOf('? What next') && label.test(line));
  const [key, presses] = wanted < cursor ? ['Up', cursor - wanted] : ['Down', wanted - cursor];
  for (let i = 0; i < presses; i++) terminal.press(key);
  terminal.press('Enter');
}

/** Takes `peek`; keys that come before a question is there are lost. */
async function listAll(terminal: Terminal): Promise<void> {
  choose(terminal, /peek: list/);
  await terminal.shows(/everything\)\s*$/);
  terminal.press('Enter');
}

const RESTORED = { modes: 'icanon echo', cursorShown: true };

describe('interactive', () => {
  it('leads from the platform over steps and layers to a listing, and back to the choice', async () => {
    const terminal = open(['interactive', app()], { rows: 30 });
    expect(await terminal.shows(/navigate/)).toMatch(/\? Platform\n {2}linux\/arm64\n❯ linux\/amd64\n/);
    terminal.press('Up', 'Enter');
    const overview = await terminal.shows(/Layers.*navigate/s);
    expect(overview).toContain('(linux/arm64)\n');
    expect(overview).toMatch(/^2 {5}- {6}metadata only {2}ENV A=1$/m);
    expect(overview).toMatch(/^3 {5}2 {6}\d+ B {10}RUN \\x1b\]2;evil\\x07\\x1b\[31m .*…$/m);
    expect(overview).toMatch(/^Env: +\\x1b\]2;evil\\x07\\x1b\[31m$/m);
    expect(overview).toMatch(/^❯◯ 1 {2}\d+ B {2}ADD file:1 in \/$/m);
    terminal.press('Down', 'Space', 'Down', 'Space', 'Enter');
    expect(await terminal.shows(/What next/)).toMatch(/Layers.* layers 2-3 of 3$/m);
    await listAll(terminal);
    const listing = await terminal.shows(/app\/other.*What next/s);
    expect(listing.replaceAll('\n', '')).toContain(
      `$ layerslayer peek --platform=linux/arm64 --layer=2 --layer=3 ${app()}layer 2/3`,
    );
    expect(listing).toMatch(/^drwxr-xr-x .* \/app\/$/m);
    expect(listing).not.toContain('/etc/');
    choose(terminal, /another platform/);
    await terminal.shows(/\? Platform\n {2}linux\/arm64\n❯ linux\/amd64\n/);
    terminal.press('Enter');
    await terminal.shows(/\(linux\/amd64\)\n.*❯◯ 1 .*navigate/s);
    terminal.press('Enter');
    await terminal.shows(/all 3 layers\n.*What next/s);
    await listAll(terminal);
    const all = await terminal.shows(/app\/other.*What next/s);
    expect(all).toMatch(/ \/etc\/\\x1b\]2;evil\\x07\\x1b\[31m$/m);
    expect(terminal.title()).not.toBe('evil');
    choose(terminal, /quit/);
    expect(await terminal.left()).toEqual({ status: 0, ...RESTORED });
  });

  it('offers the images of a layout that has several', async () => {
    const builder = new LayoutBuilder();
    const tars = ['a', 'b', 'c'].map((name) => named(builder.image([tarOf(file(name, name))]), name));
    writeDirectory(join(place.scratch, 'lay'), builder.top(tars));
    const terminal = open(['interactive', 'oci:lay']);
    expect(await terminal.shows(/navigate/)).toMatch(/\? Image\n❯ a\n {2}b\n {2}c\n/);
    terminal.press('Down', 'Enter');
    await terminal.shows(/What next/);
    await listAll(terminal);
    const listing = await terminal.shows(/ \/b$[\s\S]*What next/m);
    expect(listing).toMatch(/\$ layerslayer peek .*oci:lay:b$/m);
  });

  it.each(['Escape', 'q'])('goes back from indexing by %s', async (key) => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const terminal = open(['interactive', `${proxy.host}/test/large:v1`]);
      await terminal.shows(/What next/);
      proxy.rules.push({ path: /blobs\/sha256/, fault: stallAfter(1000) });
      terminal.press('Enter');
      await terminal.shows(/layer 1\/1|KiB of/);
      terminal.press(key);
      await terminal.shows(/What next[\s\S]*What next/);
      choose(terminal, /quit/);
      expect(await terminal.left()).toEqual({ status: 0, ...RESTORED });
    } finally {
      await proxy.stop();
    }
  });

  it('carves and saves, each as the command does', async () => {
    const terminal = await openOne();
    choose(terminal, /carve/);
    await terminal.shows(/Path or pattern/);
    terminal.type('/etc/');
    terminal.press('Enter');
    await terminal.shows(/Into the directory \(.\/carved\)/);
    terminal.type('out put');
    terminal.press('Enter');
    const carved = await terminal.shows(/FOUND \/etc.*What next/s);
    expect(carved.replaceAll('\n', '')).toContain(
      `$ layerslayer carve --recursive '--output-dir=out put' ${one()} /etc`,
    );
    expect(readFileSync(join(place.scratch, 'out put/etc/passwd'), 'utf8')).toBe('root:x:0:0\n');
    choose(terminal, /save/);
    await terminal.shows(/Into the directory \(.\/downloads\)/);
    terminal.press('Enter');
    await terminal.shows(/downloaded|fetched in.*What next/s);
    const saved = await readdir(join(place.scratch, 'downloads/test/one/v1'));
    expect(await readFile(join(place.scratch, 'downloads/test/one/v1', saved[0]!))).toEqual(LAYERS[0]);
  });

  it('mounts more than once', async () => {
    const terminal = await openOne();
    for (const name of ['one', 'two']) {
      mkdirSync(join(place.scratch, name));
      choose(terminal, /mount/);
      await terminal.shows(/\? Directory, empty/); // not the answered one of before
      terminal.type(name);
      terminal.press('Enter');
      await terminal.shows(new RegExp(`${name}, .* fetched.*What next`, 's'));
    }
    expect(place.mounts()).toHaveLength(2);
    for (const mountpoint of place.mounts()) await place.unmount(mountpoint);
  });

  it('shows a fault, and leads back to the choice', async () => {
    const terminal = open(['-t', `${registry.host}/test/nosuch`]);
    await terminal.shows(/^layerslayer: .*\n(.*\n)*\? Image/m);
    terminal.type('!');
    terminal.press('Enter');
    await terminal.shows(/not an image reference.*\? Image/s);
    terminal.type(one());
    terminal.press('Enter');
    await terminal.shows(/What next/);
    choose(terminal, /carve/);
    await terminal.shows(/Path or pattern/);
    terminal.type('/etc/nosuch');
    terminal.press('Enter');
    await terminal.shows(/Into/);
    terminal.press('Enter');
    await terminal.shows(/^layerslayer: .*\/etc\/nosuch.*What next/ms);
    choose(terminal, /carve/);
    await terminal.shows(/back\)\s*$/);
    terminal.press('Enter');
    expect(await terminal.shows(/What next\n.*navigate/s)).toMatch(/^❯ carve/m);
  });

  it('asks for the image when a terminal is all there is', async () => {
    const terminal = open([]);
    await terminal.shows(/\? Image/);
    terminal.press('Enter');
    await terminal.shows(/It is needed/);
    terminal.type(one());
    terminal.press('Enter');
    await terminal.shows(/What next/);
  });

  it('scrolls what has more lines than the terminal', async () => {
    const terminal = open(['interactive', `${registry.host}/test/many:v1`]);
    await terminal.shows(/Layers.*navigate/s);
    for (let i = 0; i < MANY; i++) terminal.press('Down');
    const screen = await terminal.shows(/^❯◯ 60/m);
    expect(screen).toMatch(/^\? Layers/m);
    expect(screen.split('\n').length).toBeLessThanOrEqual(24);
    terminal.press('Space', 'Enter');
    await terminal.shows(/layer 60 of 60\n/);
  });

  it('goes on in a terminal that is too small', async () => {
    const terminal = open(['interactive', app()], { columns: 24, rows: 8 });
    await terminal.shows(/linux\/amd64/);
    terminal.press('Enter');
    await terminal.shows(/^❯◯ 1/m);
    terminal.press('Enter');
    await terminal.shows(/^❯ browse/m);
  });
});

describe('leaving interactive', () => {
  const keys = [
    ['C-c', 130],
    ['C-d', 0],
    ['Escape', 0],
  ] as const;
  it.each(keys)('by %s at a list, with status %d', async (key, status) => {
    const terminal = await openOne();
    terminal.press(key);
    expect(await terminal.left()).toEqual({ status, ...RESTORED });
    expect(terminal.screen().includes('interrupted')).toBe(status === 130);
  });

  it.each(keys)('by %s at the platform, with status %d', async (key, status) => {
    const terminal = open(['interactive', app()]);
    await terminal.shows(/\? Platform/);
    terminal.press(key);
    expect(await terminal.left()).toEqual({ status, ...RESTORED });
    expect(terminal.screen().includes('interrupted')).toBe(status === 130);
  });

  it.each(keys)('by %s at the layers, with status %d', async (key, status) => {
    const terminal = open(['interactive', `${registry.host}/test/many:v1`]);
    await terminal.shows(/Layers.*navigate/s);
    terminal.press(key);
    expect(await terminal.left()).toEqual({ status, ...RESTORED });
  });

  it.each(keys)('by %s in a text, with status %d', async (key, status) => {
    const terminal = open(['interactive']);
    await terminal.shows(/\? Image/);
    terminal.type('ngi');
    await terminal.shows(/ngi/);
    terminal.press(key);
    expect(await terminal.left()).toEqual({ status, ...RESTORED });
  });

  it('by SIGTERM', async () => {
    const terminal = await openOne();
    const [shell] = place.processes().filter((pid) => {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[0] === process.execPath && words.includes('interactive');
    });
    process.kill(shell!, 'SIGTERM');
    expect(await terminal.left()).toEqual({ status: 143, ...RESTORED });
  });

  it('by Ctrl-C while a layer is on its way', async () => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const terminal = open(['interactive', `${proxy.host}/test/large:v1`]);
      await terminal.shows(/What next/);
      proxy.rules.push({ path: /blobs\/sha256/, fault: stallAfter(1000) });
      await listAll(terminal);
      await terminal.shows(/layer 1\/1/);
      terminal.press('C-c');
      expect(await terminal.left()).toEqual({ status: 130, ...RESTORED });
    } finally {
      await proxy.stop();
    }
  });
});

describe('suspending interactive', () => {
  it('by Ctrl-Z gives the terminal back, and goes on with the question', async () => {
    const program = place.program.map((word) => `'${word}'`).join(' ');
    const shell = [
      'bash',
      '--norc',
      '-ic',
      `set -m; ${program} interactive ${one()}; stty -a | head -1; fg; exit $?`,
    ];
    const command = new Terminal(place.scratch, shell, { cwd: place.scratch, env: place.env });
    terminals.push(command);
    await command.shows(/What next/);
    command.press('C-z');
    await command.shows(/Stopped.*speed.*\? What next\n❯ browse/s);
    command.press('Down');
    await command.shows(/^❯ peek:/m);
    command.press('C-c');
    expect(await command.left()).toEqual({ status: 130, ...RESTORED });
  });
});

describe('interactive without a terminal', () => {
  it.each([['interactive', 'nginx'], ['interactive'], ['-t', 'nginx']])('%s %s', async (...args) => {
    const { status, stdout, stderr } = await place.layerslayer(args.filter(Boolean));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^layerslayer: interactive wants a terminal for stdin and stderr: .*\n$/);
  });
});

describe('the prompt library', () => {
  it('is in a chunk that nothing loads but on demand', async () => {
    const bin = dirname(builtProgram());
    const texts = new Map<string, string>();
    for (const name of (await readdir(bin)).filter((name) => name.endsWith('.js')))
      texts.set(name, await readFile(join(bin, name), 'utf8'));
    const holders = [...texts].filter(([, text]) => text.includes('ExitPromptError')).map(([name]) => name);
    expect(holders).toHaveLength(1);
    const importers = [...texts].filter(([, text]) => text.includes(`from "./${holders[0]}"`));
    expect(importers.map(([name]) => name)).toEqual([]);
  });
});
