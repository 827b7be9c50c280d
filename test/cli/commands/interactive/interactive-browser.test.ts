import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { FaultProxy, status } from '../../../support/fault-proxy.js';
import { Workplace } from '../../../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, fifo, file, opaque, paxSparse, symlink, tarOf, whiteout } from '../../../support/tar.js';
import { Terminal } from '../../../support/terminal.js';

const LOG = Array.from({ length: 5000 }, (_, i) => `entry ${i + 1} of the log\n`).join('');
const GIB = 1024 ** 3;
const LAYERS = [
  tarOf(
    dir('etc/'),
    file('etc/passwd', 'root:x:0:0\n'),
    file('etc/\x1b]2;evil\x07', '\x1b]2;evil\x07\x1b[31m'),
    file('etc/old', 'old content\n'),
    dir('usr/'),
    dir('usr/doc/'),
    file('usr/doc/README.md', '# doc\n'),
    file('usr/doc/日本語', 'x'),
    dir('var/'),
    file('var/log', LOG),
    file('var/noise', Buffer.concat([Buffer.alloc(16), noise(500_000, 1)])),
    paxSparse('1.0', 'var/sparse', 5 * GIB, [{ offset: 5 * GIB - 4, data: 'end\n' }]),
    fifo('var/fifo'),
    symlink('var/link', '../etc'),
    symlink('var/none', 'nowhere'),
  ),
  tarOf(dir('app/'), file('app/main', 'main\n'), file('etc/passwd', 'root:x:0:0\napp:x:1:1\n')),
  tarOf(whiteout('app/main'), whiteout('etc/old'), dir('usr/doc/'), opaque('usr/doc'), file('app/next', '')),
].map((tar) => gzipSync(tar));

const STEPS = ['ADD file:1 in /', 'COPY app /app', 'RUN rm /app/main'];

let registry: TestRegistry;
let place: Workplace;
/** The directory of a test. */
let own: string;
let terminal: Terminal | undefined;

beforeAll(async () => {
  registry = await startRegistry();
  const config = { history: STEPS.map((step) => ({ created_by: step })) };
  await pushImage(registry, 'test/app:v1', { layers: LAYERS, config });
  place = new Workplace();
  // One cache for all tests: only the first one indexes.
  expect(await place.layerslayer(['peek', '--merged', image()])).toMatchObject({ status: 0 });
});
afterAll(async () => {
  await registry?.stop();
  await place?.cleanUp();
});
beforeEach(() => {
  own = mkdtempSync(join(place.scratch, 'test-'));
  terminal = undefined;
});
afterEach(() => terminal?.close());

const image = (host = registry.host) => `${host}/test/app:v1`;

interface Opened {
  columns?: number;
  rows?: number;
  env?: NodeJS.ProcessEnv;
  host?: string;
}

/** To the browser, of all layers. */
async function browse({ env, host, ...size }: Opened = {}): Promise<Terminal> {
  const command = [...place.program, 'interactive', image(host)];
  const options = { cwd: own, env: { ...place.env, ...env }, ...size };
  terminal = new Terminal(own, command, options);
  await terminal.shows(/Layers/);
  terminal.press('Enter');
  await terminal.shows(/❯ browse/);
  terminal.press('Enter');
  await terminal.shows(/SIZE[\s\S]*q back/);
  return terminal;
}

const RESTORED = { modes: 'icanon echo', cursorShown: true };

describe.each([
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
])('the browser of interactive, in $columns x $rows', (size) => {
  it('unfolds, searches, shows hidden entries, views, carves, and leads back', async () => {
    const screen = await browse(size);
    expect(screen.isAlternate()).toBe(true);
    expect(screen.screen().split('\n')).toHaveLength(size.rows);
    expect(screen.screen()).toMatch(/^ {4}1 drwxr-xr-x +35 B {3}\+ etc\/$/m);

    screen.press('Down', 'Down', 'Right');
    const etc = await screen.shows(/^ {4}2 -rw-r--r-- +21 B {7}passwd$/m);
    expect(etc).toMatch(/^ {4}1 -rw-r--r-- +14 B {7}\\x1b\]2;evil\\x07$/m);
    expect(etc).not.toContain('old');
    screen.press('h');
    const hidden = await screen.shows(/old {2}\[whiteout, layer 3\]/);
    expect(hidden).toMatch(/^ {4}1 .* passwd {2}\[replaced, layer 2\]$/m);
    expect(hidden).toMatch(/\d entries are hidden by upper layers$/);

    screen.type('/readme');
    await screen.shows(/^\/readme_$/m);
    screen.press('Enter');
    await screen.shows(/README\.md {2}\[opaque, layer 3\][\s\S]*\/usr\/doc\/README\.md$/);
    screen.press('i');
    const details = await screen.shows(/hidden by/);
    expect(details).toMatch(/^owner +0:0$/m);
    expect(details).toMatch(/^built by +ADD file:1 in \/$/m);
    expect(details).toMatch(/added in layer 1, 6 B\n {2}removed in layer 3/);
    screen.press('Escape');
    await screen.shows(/LAYER/);
    screen.press('c'); // from the layer that still has it
    await screen.shows(/^carved to \.\/carved\/usr\/doc\/README\.md \(6 B\)$/m);
    expect(readFileSync(join(own, 'carved/usr/doc/README.md'), 'utf8')).toBe('# doc\n');
    screen.press('Enter');
    await screen.shows(/^# doc$/m);
    screen.press('q');
    await screen.shows(/LAYER/);

    screen.type('/og');
    screen.press('Enter');
    await screen.shows(/\/var\/log$/);
    screen.press('Enter');
    expect(await screen.shows(/^entry 1 of the log$/m)).toMatch(/text {2}offset 0 {2}0%$/);
    screen.press('End');
    await screen.shows(/^entry 5000 of the log$[\s\S]*100%$/m);
    screen.press('x', 'End');
    await screen.shows(/\| ?[^|]*log\.\|\n[\s\S]* hex .* 100%$/);
    screen.press('Left');
    await screen.shows(/LAYER/);

    screen.press('c');
    await screen.shows(/^carved to \.\/carved\/var\/log \(.* KiB\)$/m);
    expect(readFileSync(join(own, 'carved/var/log'), 'utf8')).toBe(LOG);
    screen.press('c');
    await screen.shows(/^\.\/carved\/var\/log is there already: replace it\? y\/n$/m);
    screen.press('n');
    await screen.shows(/^nothing was carved$/m);
    writeFileSync(join(own, 'carved/var/log'), 'mine');
    screen.press('c', 'y');
    await screen.shows(/^carved to \.\/carved\/var\/log /m);
    expect(readFileSync(join(own, 'carved/var/log'), 'utf8')).toBe(LOG);
    screen.press('Home', 'q');
    const menu = await screen.shows(/FOUND \/var\/log [\s\S]*❯ browse/);
    expect(menu).not.toContain('LAYER MODE');
    expect(screen.isAlternate()).toBe(false);
    expect(screen.title()).not.toBe('evil');
    screen.press('C-c');
    expect(await screen.left()).toEqual({ status: 130, ...RESTORED });
  });
});

describe('the browser', () => {
  it('shows control characters of a file as bytes, and a file with a NUL as hex', async () => {
    const screen = await browse();
    screen.type('/evil');
    screen.press('Enter', 'Enter');
    await screen.shows(/^\\x1b\]2;evil\\x07\\x1b\[31m$/m);
    expect(screen.title()).not.toBe('evil');
    screen.press('q');
    await screen.shows(/LAYER/);
    screen.type('/noise');
    screen.press('Enter', 'Enter');
    await screen.shows(/^00000000 {2}00 00 .*\|\.{16}\|$/m);
    screen.press('q');
    await screen.shows(/LAYER/);
    screen.type('/sparse');
    screen.press('Enter', 'Enter');
    await screen.shows(/^000000000 {2}00 00 [\s\S]*5\.0 GiB {2}hex {2}offset 0 {2}0%$/m);
    screen.press('End');
    await screen.shows(/^13ffffff0 {2}.* 65 6e 64 0a {2}\|\.{12}end\.\|$/m);
  });

  it('follows symlinks, and says what it can not open', async () => {
    const screen = await browse();
    screen.type('/none');
    screen.press('Enter', 'Enter');
    await screen.shows(/^no such .*\/var\/none/m);
    screen.press('Up', 'Up', 'Up'); // noise, log, link
    await screen.shows(/\/var\/link$/);
    screen.press('Enter');
    await screen.shows(/\/etc$/);
    screen.type('/fifo');
    screen.press('Enter', 'Enter');
    await screen.shows(/not a regular file: \/var\/fifo$/);
  });

  it('asks before it carves a directory, and says what it replaces', async () => {
    const screen = await browse();
    screen.press('c');
    await screen.shows(/^carve all in it \(5\.0 GiB\) to \.\/carved\/\?.* y\/o\/n$/m);
    screen.press('Escape');
    await screen.shows(/^nothing was carved$/m);
    expect(readdirSync(own)).not.toContain('carved');
    screen.type('/etc');
    screen.press('Enter', 'c', 'y');
    await screen.shows(/^carved to \.\/carved\/etc \(2 files, 35 B\)$/m);
    writeFileSync(join(own, 'carved/etc/passwd'), 'mine');
    screen.press('c', 'y');
    await screen.shows(wrapped('carved/etc/passwd is there already'));
    screen.press('q', 'c', 'o');
    await screen.shows(/^carved to \.\/carved\/etc \(2 files, 35 B\)$/m);
    expect(readFileSync(join(own, 'carved/etc/passwd'), 'utf8')).toContain('root');
  });

  it('sorts by size, with all files of directories, and finds paths', async () => {
    const screen = await browse();
    const order = (text: string) =>
      [...text.matchAll(/^ +[1-3] d.* [+-] (\w+)\/$/gm)].map(([, name]) => name);
    expect(order(screen.screen())).toEqual(['app', 'etc', 'usr', 'var']);
    screen.press('s');
    expect(order(await screen.shows(/^largest first$/m))).toEqual(['var', 'etc', 'app', 'usr']);
    screen.type('//var/log');
    screen.press('Enter');
    await screen.shows(/^\/var\/log$/m);
    screen.type('/ar/noi');
    screen.press('Enter');
    await screen.shows(/^\/var\/noise$/m);
    screen.press('s');
    await screen.shows(/^by name$/m);
  });

  it("shows a layer's own tree when one layer was chosen", async () => {
    const command = [...place.program, 'interactive', image()];
    terminal = new Terminal(own, command, { cwd: own, env: place.env });
    await terminal.shows(/Layers/);
    terminal.press('Down', 'Space', 'Enter');
    await terminal.shows(/❯ browse: walk through the tree of layer 2/);
    terminal.press('Enter');
    const screen = await terminal.shows(/SIZE[\s\S]*q back/);
    expect(screen).toMatch(/, layer 2 of 3$/m);
    expect(screen).toContain('app/');
    expect(screen).not.toContain('usr/');
  });

  it('shows why bytes do not come, with the code, and reads again on request', async () => {
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const screen = await browse({ host: proxy.host });
      rmSync(join(place.cache, 'v2/pages'), { recursive: true });
      proxy.rules.push({ path: /blobs\/sha256/, fault: status(403) });
      screen.type('/noise');
      screen.press('Enter', 'Enter');
      await screen.shows(/^UNAUTHORIZED: /m);
      screen.press('q');
      await screen.shows(/\/var\/noise$/);
      screen.press('Enter');
      await screen.shows(/^UNAUTHORIZED: /m);
      proxy.rules.length = 0;
      screen.press('r');
      await screen.shows(/^00000000 {2}00 00/m);
    } finally {
      await proxy.stop();
    }
  });

  it('draws itself in a new size, however small', async () => {
    const screen = await browse();
    screen.press('End', 'Right', 'h', 'Down');
    screen.resize(40, 10);
    await screen.shows(/^LAYER +SIZE {3}NAME$/m);
    for (const key of ['Down', 'Up', 'i', 'q', '?', 'q']) screen.press(key);
    await screen.shows(/^LAYER +SIZE {3}NAME$/m);
    screen.resize(5, 2);
    screen.press('Home');
    screen.resize(100, 30);
    const lines = (await screen.shows(/LAYER MODE[\s\S]*q back\n\/$/)).split('\n');
    expect(lines).toHaveLength(30);
  });
});

describe('the terminal after the browser', () => {
  it('is as before, by Ctrl-C', async () => {
    const screen = await browse();
    screen.press('C-c');
    expect(await screen.left()).toEqual({ status: 130, ...RESTORED });
    expect(screen.isAlternate()).toBe(false);
    expect(screen.screen()).toContain('interrupted');
  });

  /** The process that has the terminal. */
  function browserPid(): number {
    const found = place.processes().filter((pid) => {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[0] === process.execPath && words.includes('interactive');
    });
    return found.at(-1)!;
  }

  it('is as before, by SIGTERM', async () => {
    const screen = await browse();
    process.kill(browserPid(), 'SIGTERM');
    expect(await screen.left()).toEqual({ status: 143, ...RESTORED });
    expect(screen.isAlternate()).toBe(false);
  });

  it('is as before, by a fault in the program, and shows it', async () => {
    const planted = join(own, 'planted.mjs');
    writeFileSync(planted, "process.on('SIGUSR2', () => { throw new Error('planted fault'); });\n");
    const screen = await browse({ env: { NODE_OPTIONS: `--import=${pathToFileURL(planted)}` } });
    process.kill(browserPid(), 'SIGUSR2');
    expect(await screen.left()).toEqual({ status: 70, ...RESTORED });
    expect(screen.isAlternate()).toBe(false);
    expect(screen.screen()).toContain('planted fault');
  });

  it('is as before while Ctrl-Z suspends it, and the browser comes back', async () => {
    const program = place.program.map((word) => `'${word}'`).join(' ');
    const script = `set -m; ${program} interactive ${image()}; stty -a | head -1; read -r; fg; exit $?`;
    const shell = ['bash', '--norc', '-ic', script];
    terminal = new Terminal(own, shell, { cwd: own, env: place.env });
    await terminal.shows(/Layers/);
    terminal.press('Enter');
    await terminal.shows(/❯ browse/);
    terminal.press('Enter');
    await terminal.shows(/SIZE[\s\S]*q back/);
    terminal.press('C-z');
    await terminal.shows(/Stopped[\s\S]*speed/);
    expect(terminal.isAlternate()).toBe(false);
    terminal.press('Enter');
    await terminal.shows(/SIZE[\s\S]*q back/);
    expect(terminal.isAlternate()).toBe(true);
    terminal.press('Down', 'Right');
    await terminal.shows(/- app\//);
    terminal.press('C-c');
    expect(await terminal.left()).toEqual({ status: 130, ...RESTORED });
  });
});

/** Matches a text whose line the screen may have wrapped anywhere. */
function wrapped(text: string): RegExp {
  return new RegExp(Array.from(text, (letter) => (letter === ' ' ? '\\s+' : `${letter}\\n?`)).join(''));
}
