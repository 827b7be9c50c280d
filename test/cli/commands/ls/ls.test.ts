import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt } from '../../../support/child.js';
import { FaultProxy } from '../../../support/fault-proxy.js';
import { LayoutBuilder, named, writeDirectory } from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { type OciLayout, pushLayout, unpackLayout, writeLayout } from '../../../support/oci-layout.js';
import { OCI_LAYER_GZIP, sha256, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { char, dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from '../../../support/tar.js';

const TOOLS = Array.from({ length: 70 }, (_, i) =>
  file(`usr/bin/tool-${i ** 3}`, `${i}`.repeat(i), {
    mode: i % 3 === 0 ? 0o755 : 0o644,
    mtime: 1_000_000 * i,
  }),
);
const LAYERS = [
  tarOf(
    symlink('bin', 'usr/bin'),
    dir('etc/'),
    file('etc/a.conf', 'a'),
    file('etc/B.conf', 'b'),
    file('etc/.hidden', 'h'),
    file('etc/passwd', 'root', { mode: 0o640, uid: 7, gid: 8, mtime: 1_600_000_000 }),
    dir('etc/old/'),
    file('etc/old/x', 'x'),
    dir('etc/old/deep/'),
    file('etc/old/deep/y.conf', 'y'),
    file('etc/caché 1', 'c'),
    symlink('etc/nowhere', 'missing'),
    dir('implied/'),
    file('implied/by/z', 'z'),
    dir('opaque/'),
    file('opaque/was', 'w'),
    dir('usr/'),
    dir('usr/bin/'),
    ...TOOLS,
    hardlink('usr/bin/again', 'usr/bin/tool-0'),
    fifo('usr/fifo'),
    char('usr/zero', 1, 5),
  ),
  tarOf(
    dir('etc/'),
    file('etc/passwd', 'new', { mtime: 1_700_000_000 }),
    whiteout('etc/old'),
    whiteout('etc/a.conf'),
    dir('opaque/'),
    opaque('opaque'),
    file('opaque/is', 'i'),
    dir('implied/'),
    whiteout('implied/by'),
  ),
  tarOf(
    dir('kinds/'),
    dir('kinds/sticky/', { mode: 0o1755 }),
    dir('kinds/shared/', { mode: 0o777 }),
    dir('kinds/tmp/', { mode: 0o1777 }),
    file('kinds/setuid', '', { mode: 0o4755 }),
    file('kinds/setgid', '', { mode: 0o2755 }),
    file('kinds/plain', ''),
    file('kinds/a.TAR.gz', ''),
    file('kinds/b.gz', ''),
    file('kinds/c~', ''),
    file('kinds/run.gz', '', { mode: 0o755 }),
    fifo('kinds/fifo'),
    char('kinds/char', 1, 3),
    symlink('kinds/link', 'plain'),
  ),
];

let place: Workplace;
let registry: TestRegistry;
let layout: OciLayout;
let oracle: string;
let proxy: FaultProxy;

beforeAll(async () => {
  place = new Workplace();
  registry = await startRegistry();
  layout = await layoutOf('layout', LAYERS);
  oracle = await unpackLayout(layout, join(place.scratch, 'oracle'));
  await pushLayout(registry, layout, 'app:v1');
  execFileSync('skopeo', ['copy', '--quiet', 'oci:layout:v1', 'docker-archive:docker.tar:app:v1'], {
    cwd: place.scratch,
  });
  proxy = await FaultProxy.start({ target: registry.url });
});
afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
  await place?.cleanUp();
});

/** Writes layers as an OCI layout below the scratch directory, with the tag `v1`. */
function layoutOf(name: string, tars: readonly Buffer[]): Promise<OciLayout> {
  const built = tars.map((tar, i) => {
    const path = join(place.scratch, `${name}-${i}`);
    writeFileSync(path, gzipSync(tar, { level: 1 }));
    return { path, diffId: sha256(tar), mediaType: OCI_LAYER_GZIP };
  });
  return writeLayout(join(place.scratch, name), 'v1', built);
}

const IMAGE = 'oci:layout:v1';
const ls = (...words: string[]) => place.layerslayer(['ls', ...words], { cwd: place.scratch });
const text = (latin1: string) => Buffer.from(latin1, 'latin1').toString();
const lines = (stdout: string) => text(stdout).split('\n').slice(0, -1);
const records = (stdout: string) => lines(stdout).map((line) => JSON.parse(line));

/** GNU ls in the unpacked tree. */
function gnuLs(words: readonly string[], { env = {}, root = oracle }: { env?: object; root?: string } = {}) {
  // Names stay as they are: GNU quotes none on a pipe.
  return execFileSync('ls', words, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', ...env },
  });
}

/** The results on a terminal of that width; carriage returns are the terminal's. */
function onTerminal(columns: number, words: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const command = `stty cols ${columns}; ${[...place.program, 'ls', ...words].join(' ')} 2>/dev/null`;
  const shown = execFileSync('script', ['-qec', command, '/dev/null'], {
    cwd: place.scratch,
    encoding: 'utf8',
    env: { ...place.env, TERM: 'xterm', PAGER: 'cat', ...env }, // less adds codes of its own
  });
  return shown.replaceAll('\r', '');
}

describe('ls', () => {
  it.each(['/etc', '/usr/zero', 'etc/../usr/'])('lists %s as GNU ls does, a name a line', async (path) => {
    const ended = await ls(IMAGE, path);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const wanted = gnuLs(['-A', join(oracle, path)]);
    expect(text(ended.stdout).replace(/^\/usr\/zero/, join(oracle, 'usr/zero'))).toBe(wanted);
  });

  it.each([
    ['-R', ['-AR']],
    ['-tR', ['-AtR']],
    ['-trR', ['-AtrR']],
    ['-FR', ['-AFR']],
  ])('%s shows the whole tree as GNU ls does', async (short, gnu) => {
    const { stdout } = await ls(short, IMAGE, '/');
    expect(text(stdout)).toBe(gnuLs([...gnu, '.']).replace(/^\.\/?(.*:)$/gm, '/$1'));
  });

  it('sorts by size, the largest first, and equal ones by name', async () => {
    const files = (stdout: string) => lines(stdout).filter((name) => name.startsWith('tool'));
    const gnu = gnuLs(['-AS', 'usr/bin']).split('\n');
    expect(files((await ls('-S', IMAGE, '/usr/bin')).stdout)).toEqual(
      gnu.filter((name) => name.startsWith('tool')),
    );
    expect(files((await ls('--sort', 'size', '-r', IMAGE, '/usr/bin')).stdout)).toEqual(
      gnu.filter((name) => name.startsWith('tool')).reverse(),
    );
  });

  it('lists several paths as GNU ls does: files first, then each directory with a heading', async () => {
    const paths = ['usr', 'etc/passwd', 'opaque', 'bin'];
    const { stdout } = await ls(IMAGE, ...paths);
    expect(text(stdout)).toBe(gnuLs(['-A', ...paths]));
    expect(text((await ls('-d', IMAGE, ...paths)).stdout)).toBe(gnuLs(['-d', ...paths]));
  });

  it('lists a pattern’s matches as if a shell had written them', async () => {
    const { stdout } = await ls(IMAGE, '/etc/{passwd,*.conf}', '/usr/f*');
    expect(lines(stdout)).toEqual(['/etc/B.conf', '/etc/passwd', '/usr/fifo']);
    expect(lines((await ls(IMAGE, '/o*')).stdout)).toEqual(['is']);
    expect(lines((await ls(IMAGE, '/{o*,impli*}')).stdout)).toEqual(['/implied:', '', '/opaque:', 'is']);
  });

  it('follows a symlink to a directory, but with -l, -d and -F only before a slash', async () => {
    const bin = lines((await ls(IMAGE, '/usr/bin')).stdout);
    expect(lines((await ls(IMAGE, '/bin')).stdout)).toEqual(bin);
    expect((await ls('-d', IMAGE, '/bin')).stdout).toBe('/bin\n');
    expect((await ls('-F', IMAGE, '/bin')).stdout).toBe('/bin@\n');
    expect(lines((await ls('-l', IMAGE, '/bin')).stdout)).toEqual([
      expect.stringMatching(/^LAYER /),
      expect.stringMatching(/^ {4}1 lrwxrwxrwx .* \/bin -> usr\/bin$/),
    ]);
    expect(lines((await ls('-l', IMAGE, '/bin/')).stdout)).toHaveLength(bin.length + 1);
    expect((await ls(IMAGE, '/etc/nowhere')).stdout).toBe('/etc/nowhere\n');
  });

  it('-l shows the layer and attributes of each entry, below one line that names them', async () => {
    const { stdout } = await ls('-la', IMAGE, '/etc', '/usr/zero');
    expect(lines(stdout)).toEqual([
      'LAYER MODE         UID   GID       SIZE TIME (UTC)       NAME',
      '    1 crw-------     0     0       1, 5 2017-07-14 02:40 /usr/zero',
      '',
      '/etc:',
      '    1 -rw-r--r--     0     0        1 B 2017-07-14 02:40 .hidden',
      '    1 -rw-r--r--     0     0        1 B 2017-07-14 02:40 B.conf',
      '    1 -rw-r--r--     0     0        1 B 2017-07-14 02:40 caché 1',
      '    1 lrwxrwxrwx     0     0          - 2017-07-14 02:40 nowhere -> missing',
      '    2 -rw-r--r--     0     0        3 B 2023-11-14 22:13 passwd',
    ]);
  });

  it('takes the other words of GNU ls', async () => {
    const sorted = async (...words: string[]) => (await ls(...words, IMAGE, '/usr/bin')).stdout;
    // The last one counts.
    expect(await sorted('-t', '--sort', 'name', '-S')).toBe(await sorted('--sort=size'));
    expect(await sorted('-tS', '--sort=name')).toBe(await sorted());
    expect(await sorted()).not.toBe(await sorted('-S'));
    const long = await sorted('-l');
    for (const word of ['-lh', '-n', '-lA', '-Alh']) expect(await sorted(word)).toBe(long);
    expect((await ls('-l', '--bytes', IMAGE, '/usr/bin/tool-328509')).stdout).toMatch(
      / {3}138 2017| {3}138 /,
    );
    const columns = await ls('-C', IMAGE, '/usr/bin');
    expect(text(columns.stdout)).toBe(gnuLs(['-A', '-C', '-N', '-T0', '-w', '80', 'usr/bin']));
    expect((await ls('--color', IMAGE, '/opaque')).stdout).toBe(
      (await ls('--color=always', IMAGE, '/opaque')).stdout,
    );
    expect((await ls('--sort', 'Size', IMAGE)).stderr).toBe(
      'layerslayer: --sort is name, size, time, not Size\n',
    );
  });

  it('-l of an empty directory prints nothing', async () => {
    expect(await ls('-l', IMAGE, '/implied')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it.each([61, 200])('fills %d columns of a terminal as GNU ls does', (columns) => {
    const shown = onTerminal(columns, ['--color=never', IMAGE, '/usr/bin', '/etc']);
    const { stdout } = {
      stdout: gnuLs(['-A', '-C', '-N', '-T0', '-w', `${columns}`, 'etc', 'usr/bin'], {
        env: { LC_ALL: 'C.UTF-8' },
      }),
    };
    expect(shown).toBe(stdout.replace(/^(etc|usr\/bin):$/gm, '/$1:'));
    expect(onTerminal(columns, ['-1', IMAGE, '/opaque'])).toBe('is\n');
  });

  it('--layer lists what one layer has itself', async () => {
    expect(lines((await ls('--layer', '2', IMAGE, '/etc')).stdout)).toEqual(['passwd']);
    const ended = await ls('--layer', '2', IMAGE, '/usr');
    expect(ended).toMatchObject({ status: 10, stderr: 'layerslayer: no such file in layer 2: /usr\n' });
  });

  it('--json prints an object for each entry, with its whole path, layer and state', async () => {
    const found = records((await ls('--json', '-R', IMAGE, '/etc', '/bin/tool-0')).stdout);
    const layerDigest = layout.layers[1]!.digest;
    expect(found.map(({ path }) => path)).toEqual([
      '/usr/bin/tool-0',
      ...['.hidden', 'B.conf', 'caché 1', 'nowhere', 'passwd'].map((name) => `/etc/${name}`),
    ]);
    expect(found.at(-1)).toEqual({
      ...{ layer: 2, layerDigest, state: 'live', path: '/etc/passwd', kind: 'file', mode: '0644' },
      ...{ uid: 0, gid: 0, size: 3, mtime: 1_700_000_000 },
    });
  });

  it('agrees with GNU ls on images of random trees', async () => {
    for (const [i, tars] of fc.sample(randomImage, 4).entries()) {
      const random = await layoutOf(`random-${i}`, tars);
      const root = await unpackLayout(random, join(place.scratch, `random-${i}-root`));
      const { stdout, status } = await ls('-R', `oci:random-${i}:v1`);
      expect(status).toBe(0);
      expect(text(stdout)).toBe(gnuLs(['-AR', '.'], { root }).replace(/^\.\/?(.*:)$/gm, '/$1'));
    }
  });

  it('shows a registry’s image and an archive’s alike, and reads no layer twice', async () => {
    const wanted = (await ls('-lR', IMAGE)).stdout;
    expect((await ls('-lR', 'docker-archive:docker.tar')).stdout).toBe(wanted);
    expect((await ls('-lR', '--cache-dir', 'cold', `${proxy.host}/app:v1`)).stdout).toBe(wanted);
    const read = proxy.blobBytes;
    expect(read).toBeGreaterThan(0);
    expect((await ls('-lR', '--cache-dir', 'cold', `${proxy.host}/app:v1`)).stdout).toBe(wanted);
    expect(proxy.blobBytes).toBe(read);
  });

  it('reports what is missing and lists the rest; the first failure decides the status', async () => {
    const ended = await ls(IMAGE, '/etc/passwd/x', '/opaque', '/etc/old', '/x*');
    expect(ended).toMatchObject({ status: 10, stdout: '/opaque:\nis\n' });
    expect(lines(ended.stderr)).toEqual([
      'layerslayer: no such file in image: /etc/passwd/x (not a directory: /etc/passwd)',
      'layerslayer: no such file in image: /etc/old (layer 1 has it, layer 2 deletes it: --layer 1)',
      'layerslayer: no such file in image: /x* (the pattern matches nothing)',
    ]);
  });

  it('takes a slash behind a PATH for a directory', async () => {
    for (const path of ['/etc/passwd/', '/etc/nowhere/', '/usr/zero//'])
      for (const words of [[], ['-l'], ['-d']])
        expect(await ls(...words, IMAGE, path)).toMatchObject({ status: 10, stdout: '' });
    expect((await ls(IMAGE, '/etc/passwd/')).stderr).toContain('(not a directory: /etc/passwd)');
    expect((await ls('-d', IMAGE, '/bin/', '/*in/')).stdout).toBe('/bin\n/bin/\n');
    expect(await ls(IMAGE, '/etc/p*/')).toMatchObject({ status: 10, stdout: '' });
    for (const command of ['cat', 'du', 'carve'])
      expect(await place.layerslayer([command, IMAGE, '/etc/passwd/'], { cwd: place.scratch })).toMatchObject(
        { status: 10, stdout: '', stderr: expect.stringContaining('not a directory: /etc/passwd') },
      );
  });

  it('escapes what a terminal must not get; JSON has the names as they are', async () => {
    const builder = new LayoutBuilder();
    const names = ['\x1b[31mred', 'back\\slash', 'new\nline', Buffer.from('latin\xe9', 'latin1')];
    const image = builder.image([tarOf(...names.map((name) => file(name, '')))]);
    writeDirectory(join(place.scratch, 'hostile'), builder.top([image]));
    const { stdout } = await ls('oci:hostile');
    expect(lines(stdout)).toEqual(['\\x1b[31mred', 'back\\\\slash', 'latin\\xe9', 'new\\x0aline']);
    const [red, , latin] = records((await ls('--json', 'oci:hostile')).stdout);
    expect(red.path).toBe('/\x1b[31mred');
    expect(Buffer.from(latin.pathBase64, 'base64').toString('latin1')).toBe('/latin\xe9');
  });

  it('lists 100,000 entries in bounded memory, and ends quietly when the reader ends', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => file(`d${i % 100}/${'n'.repeat(60)}${i}`));
    const builder = new LayoutBuilder();
    writeDirectory(join(place.scratch, 'large'), builder.top([builder.image([tarOf(...entries)])]));
    const script = '/usr/bin/time -f %M "$@" | tail -n 1';
    const whole = await attempt('bash', ['-c', script, 'bash', ...place.program, 'ls', '-lR', 'oci:large'], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(whole.stdout).toMatch(/ n+99999\n$/);
    expect(Number(whole.stderr)).toBeLessThan(256 * 1024); // KiB
    const head = '"$@" | head -n 1; echo "$PIPESTATUS"';
    const ended = await attempt('bash', ['-c', head, 'bash', ...place.program, 'ls', '-R', 'oci:large'], {
      cwd: place.scratch,
      env: place.env,
    });
    expect(ended).toMatchObject({ stdout: '/:\n0\n', stderr: '' });
  });
});

describe('ls --deleted', () => {
  it('merges what upper layers hide into the listing, marked', async () => {
    expect(lines((await ls('--deleted', IMAGE, '/etc')).stdout)).toEqual([
      '.hidden',
      'B.conf',
      'a.conf  (layer 1, hidden by whiteout in layer 2)',
      'caché 1',
      'nowhere',
      'old  (layer 1, hidden by whiteout in layer 2)',
      'passwd',
      'passwd  (layer 1, replaced in layer 2)',
    ]);
    expect(lines((await ls('-l', '--deleted', IMAGE, '/opaque')).stdout).slice(1)).toEqual([
      expect.stringMatching(/^ {4}2 -.* is$/),
      expect.stringMatching(/^ {4}1 -.* was {2}\(hidden by opaque in layer 2\)$/),
    ]);
  });

  it('lists paths that no layer shows any more, and what is below them', async () => {
    const shown = lines((await ls('-R', '--deleted', IMAGE, '/etc/old')).stdout);
    const mark = '(layer 1, hidden by whiteout in layer 2)';
    expect(shown).toEqual([
      '/etc/old:',
      `deep  ${mark}`,
      `x  ${mark}`,
      '',
      '/etc/old/deep:',
      `y.conf  ${mark}`,
    ]);
    expect((await ls('--deleted', IMAGE, '/etc/a.conf')).stdout).toBe(`/etc/a.conf  ${mark}\n`);
    expect((await ls('-d', '--deleted', IMAGE, '/etc/old')).stdout).toBe(`/etc/old  ${mark}\n`);
    expect(lines((await ls('--deleted', IMAGE, '/etc/**/*.conf')).stdout)).toEqual([
      '/etc/B.conf',
      `/etc/a.conf  ${mark}`,
      `/etc/old/deep/y.conf  ${mark}`,
    ]);
    expect(lines((await ls('--deleted', IMAGE, '/implied')).stdout)).toEqual([`by  ${mark}`]);
    expect(await ls('--deleted', IMAGE, '/etc/none')).toMatchObject({ status: 10, stdout: '' });
  });

  it('lists with --layer what that layer hides of those below it', async () => {
    const mark = '(layer 1, hidden by whiteout in layer 2)';
    expect(lines((await ls('-R', '--deleted', '--layer', '2', IMAGE)).stdout)).toEqual([
      '/:',
      'etc',
      'implied',
      'opaque',
      '',
      '/etc:',
      `a.conf  ${mark}`,
      `old  ${mark}`,
      'passwd',
      'passwd  (layer 1, replaced in layer 2)',
      '',
      '/etc/old:',
      `deep  ${mark}`,
      `x  ${mark}`,
      '',
      '/etc/old/deep:',
      `y.conf  ${mark}`,
      '',
      '/implied:',
      `by  ${mark}`,
      '',
      '/implied/by:',
      `z  ${mark}`,
      '',
      '/opaque:',
      'is',
      'was  (layer 1, hidden by opaque in layer 2)',
    ]);
    expect((await ls('--deleted', '--layer', '2', IMAGE, '/etc/a.conf')).stdout).toBe(
      `/etc/a.conf  ${mark}\n`,
    );
    for (const layer of ['1', '3'])
      expect((await ls('-R', '--deleted', '--layer', layer, IMAGE)).stdout).not.toContain('(layer');
  });

  it('lists with --layer the directories that it does not name, above what it hides', async () => {
    const image = 'oci:bare:t';
    const layers = [
      tarOf(dir('a/', { mode: 0o700 }), file('a/b', 'b'), file('a/c', 'c')),
      tarOf(whiteout('a/b')),
    ];
    const builder = new LayoutBuilder();
    writeDirectory(join(place.scratch, 'bare'), builder.top([named(builder.image(layers), 't')]));
    const found = records((await ls('-R', '--json', '--deleted', '--layer', '2', image)).stdout);
    expect(found).toEqual([
      expect.objectContaining({
        path: '/a',
        layer: 2,
        state: 'live',
        kind: 'dir',
        mode: '0755',
        implied: true,
      }),
      expect.objectContaining({ path: '/a/b', layer: 1, state: 'deleted', hiddenBy: 2, how: 'whiteout' }),
    ]);
    expect((await ls('--layer', '2', image)).stdout).toBe('');
  });

  it('--json agrees with peek --deleted on all that is hidden', async () => {
    const hidden = records((await ls('-R', '--deleted', '--json', IMAGE)).stdout)
      .filter(({ state }) => state !== 'live')
      .map(({ state, layerDigest, ...rest }) => rest);
    const peeked = records(
      (await place.layerslayer(['peek', '--deleted', '--json', IMAGE], { cwd: place.scratch })).stdout,
    );
    // Only `ls` shows directories that no entry names.
    const named = hidden.filter(({ path }) => path !== '/implied/by');
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    expect(named.sort(byPath)).toEqual(peeked.sort(byPath));
    expect(named.length).toBeGreaterThan(6);
    const [first] = records((await ls('-d', '--deleted', '--json', IMAGE, '/etc/a.conf')).stdout);
    expect(first).toMatchObject({ state: 'deleted', hiddenBy: 2, how: 'whiteout', layer: 1 });
  });
});

/** Names, and the colour of each: `kinds/tmp` `30;42`. */
function painted(shown: string): Record<string, string> {
  const cells = shown
    .replaceAll('\x1b[0m\x1b', '\x1b')
    .matchAll(/(?:\x1b\[([\d;]+)m)?([\w.~]+)(?:\x1b\[0m)?/g);
  return Object.fromEntries(
    [...cells].map(([, style = '', name = '']) => [name, style.replace(/^0(?=\d)/, '')]),
  );
}

describe('colours of ls', () => {
  const KINDS = [IMAGE, '/kinds'];

  it.each([
    '',
    '*.tar.gz=35:*.gz=01;31',
    '*.gz=01;31:*.tar.gz=35:*~=90:di=44:ex=:ow=:ln=target:bd=x\x1b:fi=1',
  ])('are those of GNU ls with LS_COLORS=%j', async (colors) => {
    const env = { ...(colors !== '' && { LS_COLORS: colors }), TERM: 'xterm' };
    const { stdout } = await place.layerslayer(['ls', '--color=always', ...KINDS], {
      cwd: place.scratch,
      env: { LS_COLORS: colors },
    });
    // GNU refuses a list with a value that it can't read.
    const known = colors.replace(/:ln=target:bd=[^:]*/, '');
    const gnu = gnuLs(['--color=always', 'kinds'], { env: { ...env, LS_COLORS: known, TERM: 'xterm' } });
    expect(painted(stdout)).toEqual(painted(gnu));
  });

  it('are on a terminal, and neither in a pipe nor in JSON', async () => {
    const ESC = '\x1b[';
    expect(onTerminal(80, KINDS)).toContain(ESC);
    expect(onTerminal(80, KINDS, { NO_COLOR: '1' })).not.toContain(ESC);
    expect((await ls(...KINDS)).stdout).not.toContain(ESC);
    expect((await ls('--json', '--color=always', ...KINDS)).stdout).not.toContain(ESC);
  });

  it('are left out of the log file', async () => {
    const { stdout } = await ls('--color=always', '--log-file', 'log', ...KINDS);
    expect(stdout).toContain('\x1b[');
    const logged = readFileSync(join(place.scratch, 'log'), 'utf8');
    expect(logged).toBe((await ls(...KINDS)).stdout);
  });
});

/**
 * Layers of few names, so that they meet. A name has one kind, and all parents are entries: else
 * umoci and the rules of this project may differ.
 */
const randomPath = fc
  .tuple(
    fc.array(fc.constantFrom('D1', 'd2', '.d3'), { maxLength: 3 }),
    fc.constantFrom('f', 'F.x', '.f', 'l é', ''),
  )
  .map(([parents, name]) => [...parents, ...(name === '' ? [] : [name])])
  .filter((names) => names.length > 0);
const randomLayer = fc
  .tuple(fc.array(randomPath, { minLength: 3, maxLength: 20 }), fc.array(randomPath, { maxLength: 4 }))
  .map(([paths, removed]) => {
    const members = new Map<string, Buffer>();
    for (const names of paths) {
      for (const [i, name] of names.entries()) {
        const path = names.slice(0, i + 1).join('/');
        if (/^(\.d|d|D)\d$/.test(name)) members.set(path, dir(`${path}/`));
        else if (name.startsWith('l')) members.set(path, symlink(path, 'f'));
        else members.set(path, file(path, Buffer.from(noise(10 + path.length, 1))));
      }
    }
    const isBelow = (path: string) => [...members.keys()].some((one) => `${one}/`.startsWith(`${path}/`));
    const markers = removed.map((names) => names.join('/')).filter((path) => !isBelow(path));
    return tarOf(...members.values(), ...markers.map((path) => whiteout(path)));
  });
const randomImage = fc.array(randomLayer, { minLength: 1, maxLength: 5 });
