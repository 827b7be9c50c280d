import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt, run } from '../../../support/child.js';
import { corruptAt, FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import { until, Workplace } from '../../../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from '../../../support/tar.js';
import { readTar } from '../../../support/tar-oracle.js';

const KIB = 1024;
const PASSWD = 'root:x:0:0:root:/root:/bin/bash\n';
const LARGE = noise(3_000_000, 1);

const base = gzipSync(
  tarOf(
    symlink('bin', 'usr/bin'),
    dir('etc/'),
    ...Array.from({ length: 80 }, (_, i) => file(`etc/file-${i}`, `${i}`)),
    file('etc/passwd', PASSWD, { mode: 0o640, mtime: 1_600_000_000 }),
    file('etc/shadow', 'secret'),
    file('etc/a.conf', 'a'),
    file('etc/b.conf', 'b'),
    file('etc/.hidden.conf', 'h'),
    dir('etc/old/'),
    file('etc/old/x', 'x'),
    symlink('etc/os-release', '../usr/lib/os-release'),
    dir('usr/'),
    file('usr/lib/os-release', 'OS=1\n'),
    file('usr/bin/dash', Buffer.from([0, 1, 2, 0xff]), { mode: 0o755 }),
    symlink('usr/bin/sh', 'dash'),
    hardlink('usr/bin/dash2', 'usr/bin/dash'),
    fifo('run/pipe'),
    file('large', LARGE),
    file('zz/last', 'last\n'),
  ),
  { level: 1 },
);
const middle = gzipSync(tarOf(dir('etc/'), file('etc/group', 'group'), file('pad', noise(300_000, 2))));
const top = gzipSync(
  tarOf(dir('etc/'), whiteout('etc/shadow'), file('etc/passwd', 'new\n'), dir('etc/old/'), opaque('etc/old')),
);

let registry: TestRegistry;
let proxy: FaultProxy;
let app: PushedImage;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  app = await pushImage(registry, 'app:latest', { layers: [base, middle, top] });
  await pushImage(registry, 'one:latest', { layers: [base] });
  await pushImage(registry, 'two:latest', { layers: [base, middle] });
  const broken = Buffer.from(base);
  broken.fill(0x55, 2_000_000, 2_001_000);
  await pushImage(registry, 'broken:latest', {
    layers: [base, { bytes: broken, diffId: `sha256:${'0'.repeat(64)}` }, middle],
  });
});
afterAll(() => registry?.stop());
beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
});
afterEach(async () => {
  await proxy.stop();
  await place.cleanUp();
});

const carve = (...args: string[]) => place.layerslayer(['carve', ...args], { cwd: place.scratch });
const image = (name: string) => `${proxy.host}/${name}`;
const carved = (...path: string[]) => join(place.scratch, 'carved', ...path);
const text = (...path: string[]) => readFileSync(carved(...path), 'utf8');

/** Body bytes that were sent of a layer. */
function sent({ manifest }: PushedImage, layer: number): number {
  const { digest } = manifest.layers[layer - 1]!;
  return proxy.requests(new RegExp(digest)).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
}

describe('carve', () => {
  it('extracts everything when nobody reads what it says, and ends when nobody takes what it extracts', async () => {
    const script = '"$@" | true; echo "$PIPESTATUS"';
    const ask = (...args: string[]) =>
      attempt('bash', ['-c', script, 'bash', ...place.program, 'carve', ...args], {
        cwd: place.scratch,
        env: place.env,
      });
    const ended = await ask(image('one'), '/etc/passwd', '/usr/bin/dash', '/zz/last');
    expect(ended).toMatchObject({ stdout: '0\n' });
    expect([text('etc/passwd'), text('zz/last')]).toEqual([PASSWD, 'last\n']);
    expect(await ask('--cache-size', '0', '-o', '-', image('one'), '/large')).toMatchObject({
      stdout: '0\n',
    });
  });

  it('begins content anew when wrong bytes came once, and keeps none that is wrong twice', async () => {
    const content = noise(60_000, 5);
    const tar = tarOf(file('x', content), file('pad', noise(400_000, 6)));
    const { manifest } = await pushImage(registry, 'plain:latest', { layers: [tar] });
    const path = new RegExp(`/blobs/${manifest.layers[0]!.digest}`);
    proxy.rules.push({ method: 'GET', path, nth: 1, fault: corruptAt(30_000) });
    expect(await carve('--verify', image('plain'), '/x')).toMatchObject({ status: 0 });
    expect(Buffer.compare(readFileSync(carved('x')), content)).toBe(0);
    proxy.rules[0] = { method: 'GET', path, fault: corruptAt(30_000) };
    const again = await carve('--verify', '-o', 'other', '--cache-size', '0', image('plain'), '/x');
    expect(again.status).toBe(14);
    expect(existsSync(join(place.scratch, 'other', 'x'))).toBe(false);
  });

  it('writes a file with its mode and time, says what it cost, and fetches 128 KiB at most', async () => {
    const { status, stdout, stderr } = await carve(image('one'), '/etc/passwd');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^FOUND \/etc\/passwd \(32 B\) in layer 1\/1: \d+\.\d KiB of 2\.9 MiB fetched \(2\.\d%\) in \d+\.\d s\n$/,
    );
    expect(stderr).toMatch(/^not verified: \d+(\.\d)? KiB of 2\.9 MiB read\n$/);
    expect(proxy.blobBytes).toBeLessThanOrEqual(128 * KIB);
    expect(text('etc', 'passwd')).toBe(PASSWD);
    const { mode, mtimeMs } = lstatSync(carved('etc', 'passwd'));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o640, 1_600_000_000_000]);
    expect(readdirSync(carved('etc'))).toEqual(['passwd']);
  });

  it('reads of an upper layer up to the file, and of lower ones nothing', async () => {
    expect((await carve(image('app'), 'etc/passwd')).stdout).toMatch(/in layer 3\/3: /);
    expect(text('etc', 'passwd')).toBe('new\n');
    expect([sent(app, 1), sent(app, 2)]).toEqual([0, 0]);
    expect((await carve(image('app'), '/etc/group')).stdout).toMatch(/in layer 2\/3: /);
    expect([sent(app, 1), sent(app, 3)]).toEqual([0, top.length]);
  });

  it('passes layers above the answer once, whose indexes serve the next time', async () => {
    expect(await carve(image('app'), '/etc/a.conf')).toMatchObject({ status: 0 });
    expect([sent(app, 2), sent(app, 3)]).toEqual([middle.length, top.length]);
    expect(sent(app, 1)).toBeLessThanOrEqual(128 * KIB);
    const before = proxy.blobBytes;
    expect(await carve(image('app'), '/etc/b.conf')).toMatchObject({ status: 0 });
    expect(proxy.blobBytes - before).toBeLessThanOrEqual(128 * KIB);
    expect([sent(app, 2), sent(app, 3)]).toEqual([middle.length, top.length]);
  });

  it.each([
    ['a symlink', '/etc/os-release', 'OS=1\n', '/etc/os-release -> /usr/lib/os-release'],
    [
      'a symlink to what has passed, below another',
      '/bin/sh',
      '\x00\x01\x02\xff',
      '/bin/sh -> /usr/bin/dash',
    ],
    ['a hard link', '/usr/bin/dash2', '\x00\x01\x02\xff', '/usr/bin/dash2'],
    ['the last file', '/zz/last', 'last\n', '/zz/last'],
    ['a path with `..`', '/usr/../etc/a.conf', 'a', '/usr/../etc/a.conf -> /etc/a.conf'],
  ])('follows %s', async (_, path, content, shown) => {
    const ended = await carve(image('one'), path);
    expect(ended.stdout).toContain(`FOUND ${shown} (`);
    expect(readFileSync(carved(...join('/', path).split('/')), 'latin1')).toBe(content);
    const again = await carve(image('one'), '-o', '-', path);
    expect(again.stdout).toBe(content);
    expect(again.stderr).toContain(`FOUND ${shown} (`);
  });

  describe('of entries that come twice', () => {
    const pad = file('pad', noise(300_000, 3));
    const push = (name: string, ...members: Buffer[]) =>
      pushImage(registry, `${name}:latest`, { layers: [gzipSync(tarOf(...members), { level: 1 })] });
    const stdout = (...args: string[]) => carve('-o', '-', ...args);

    it.each([
      ['twice', '/f', 'two', [file('f', 'one'), file('f', 'two')]],
      [
        'through-a-link',
        '/etc/f',
        'two',
        [file('etc/f', 'one'), symlink('localetc', '/etc'), file('localetc/f', 'two')],
      ],
      ['replaced-target', '/f', 'one', [file('t', 'one'), hardlink('f', 't'), file('t', 'two')]],
      [
        'replaced-link',
        '/l',
        'two',
        [file('b', 'two'), symlink('l', 'a'), file('a', 'one'), symlink('l', 'b')],
      ],
    ])('takes the last: %s', async (name, path, content, members) => {
      await push(name, ...members);
      const cold = await stdout(image(name), path);
      expect(cold).toMatchObject({ status: 0, stdout: content });
      expect(cold.stderr).not.toContain('not verified');
      expect((await stdout(image(name), path)).stdout).toBe(content);

      // Both are on the first page of a layer that is not read to its end.
      await push(`${name}-page`, ...members, pad);
      const early = await stdout(image(`${name}-page`), path);
      expect(early).toMatchObject({ status: 0, stdout: content });
      expect(early.stderr).toMatch(/^not verified: 64 KiB of 29\d\.\d KiB read$/m);
      expect((await stdout('--verify', image(`${name}-page`), path)).stdout).toBe(content);

      // The last one is past the part read.
      await push(`${name}-far`, ...members.slice(0, -1), pad, ...members.slice(-1));
      const doubtful = JSON.parse((await carve('--json', image(`${name}-far`), path)).stdout);
      expect(doubtful).toMatchObject({ verified: false });
      const sure = await stdout('--verify', image(`${name}-far`), path);
      expect(sure).toMatchObject({ status: 0, stdout: content });
      expect(sure.stderr).not.toContain('not verified');
    });

    it('writes only certain content to stdout, of any size', async () => {
      const [first, last] = [noise(5_000_000, 4), noise(5_000_000, 5)];
      await push('large-twice', file('f', first), file('f', last));
      const out = join(place.scratch, 'out');
      const script = '"$0" "$@" > "$OUT"';
      const args = [...place.program, 'carve', '-o', '-', image('large-twice'), '/f'];
      const env = { ...place.env, OUT: out, TMPDIR: place.directory('spool') };
      const ended = await attempt('bash', ['-c', script, ...args], { env });
      expect(ended.status).toBe(0);
      expect(ended.stderr).not.toContain('not verified');
      expect(readFileSync(out).equals(Buffer.from(last))).toBe(true);
      expect(readdirSync(env.TMPDIR)).toEqual([]);
    });

    it('reports a rejection as not verified too', async () => {
      await push('becomes-file', dir('d/'), pad, file('d', 'file'));
      const cold = await stdout(image('becomes-file'), '/d');
      expect(cold).toMatchObject({ status: 2, stdout: '' });
      expect(cold.stderr).toMatch(/^not verified: 64 KiB of 29\d\.\d KiB read$/m);
      expect((await stdout('--verify', image('becomes-file'), '/d')).stdout).toBe('file');
    });
  });

  it('names what exists near a missing path', async () => {
    for (const [path, near] of [
      ['/etc/none/deep', ' (/etc exists)'],
      ['/etc/shadow', ' (layer 1 has it, layer 3 deletes it: --layer 1)'],
      ['/etc/old/x', ' (layer 1 has it, layer 3 deletes it: --layer 1)'],
      ['/etc/sh*', ' (the pattern matches nothing)'],
      ['/none', ''],
    ]) {
      const { status, stdout, stderr } = await carve(image('app'), path!);
      expect({ status, stdout }).toEqual({ status: 10, stdout: '' });
      expect(stderr).toBe(`layerslayer: no such file in image: ${path}${near}\n`);
    }
    const one = await carve('--layer', '3', image('app'), '/etc/shadow');
    expect(one.stderr).toBe('layerslayer: no such file in layer 3: /etc/shadow (/etc exists)\n');
    expect(existsSync(carved('etc'))).toBe(false);
  });

  it('does the others when one can not be done, and ends with the status of the first', async () => {
    const { status, stdout, stderr } = await carve(
      image('one'),
      '/run/pipe',
      '/none',
      '/etc',
      '/etc/a.conf',
      '/etc/passwd/x',
    );
    expect(status).toBe(16);
    expect(stdout).toMatch(/^FOUND \/etc\/a\.conf .*\n$/);
    expect(stderr).toContain('"/run/pipe" is a fifo: not extracted');
    expect(stderr).toContain('"/etc" is a directory: -r takes it');
    expect(stderr).toContain('no such file in image: /none\n');
    expect(stderr).toContain('no such file in image: /etc/passwd/x (not a directory: /etc/passwd)');
    expect(text('etc', 'a.conf')).toBe('a');
  });

  it('ends with the status of the first path that failed, whatever was found first', async () => {
    for (const paths of [
      ['/none', '/etc'],
      ['/none', '/etc/*.conf', '/run/pipe'],
    ]) {
      const known = image('app');
      expect(await carve('--force', known, ...paths)).toMatchObject({ status: 10 });
      expect(await carve('--force', known, ...paths.toReversed())).not.toMatchObject({ status: 10 });
    }
  });

  it('says where a symlink leads that leads to nothing', async () => {
    const layers = [
      gzipSync(tarOf(symlink('lib', 'usr/lib'), file('usr/lib/a'), symlink('none', '/lib/b/c'))),
    ];
    const { host } = registry;
    await pushImage(registry, 'links:latest', { layers });
    const { status, stderr } = await carve(`${host}/links`, '/none', '/lib/d');
    expect(status).toBe(10);
    expect(stderr).toContain('no such file in image: /none -> /usr/lib/b/c (/usr/lib exists)');
    expect(stderr).toContain('no such file in image: /lib/d -> /usr/lib/d (/usr/lib exists)');
  });

  it('tells of names that are not UTF-8, and of marks in names, without writing them to a terminal', async () => {
    const bad = Buffer.from('bad\xff', 'latin1');
    const layers = [gzipSync(tarOf(file(bad, 'x'), fifo('bad\u202egpj'), dir('d/'), fifo('d/\u202egpj')))];
    await pushImage(registry, 'marks:latest', { layers });
    const { stdout, stderr } = await carve(image('marks'), '/bad*');
    expect(stdout).toMatch(/^FOUND \/bad\\xff \(1 B\)/);
    expect(stderr).toBe('layerslayer: "/bad\\xe2\\x80\\xaegpj" is a fifo: not extracted\n');
    expect(readFileSync(Buffer.concat([Buffer.from(carved('/')), bad]), 'utf8')).toBe('x');
    const programs = await carve('--json', '--force', image('marks'), '/bad?');
    const base64 = Buffer.concat([Buffer.from('/'), bad]).toString('base64');
    expect(JSON.parse(programs.stdout)).toMatchObject({ pathBase64: base64, resolvedBase64: base64 });
    expect((await carve('-r', image('marks'), '/d')).stderr).toContain('"/d/\\xe2\\x80\\xaegpj" is a fifo');
  });

  it('does not say found of a directory that could not be made', async () => {
    mkdirSync(carved(), { recursive: true });
    writeFileSync(carved('etc'), '');
    const { status, stdout, stderr } = await carve('-r', image('one'), '/etc');
    expect([status, stdout]).toEqual([17, '']);
    expect(stderr).toContain('is there, and no directory');
  });

  it('takes patterns, and says so when nothing matches', async () => {
    const { status, stdout, stderr } = await carve(image('app'), '/etc/*.conf', '/bin/da??', '/etc/*.none');
    expect(status).toBe(10);
    expect(stdout.split('\n').map((line) => line.split(' ')[1])).toEqual([
      '/etc/a.conf',
      '/etc/b.conf',
      '/bin/dash',
      undefined,
    ]);
    expect(stderr).toContain('no such file in image: /etc/*.none (the pattern matches nothing)');
    expect(readdirSync(carved('etc'))).toEqual(['a.conf', 'b.conf']);
    expect(readdirSync(carved('bin'))).toEqual(['dash']);
  });

  describe('of names that could be patterns', () => {
    const odd = (name: string) => `odd-${name}`;
    const names = ['[slug].js', 'arr[0].txt', 'a?b', '*', '{x,y}', 'dev\\x2da', 'b\\[c'];
    const others = ['s.js', 'arr0.txt', 'aXb', 'x', 'devx2da', 'b[c'];
    beforeAll(async () => {
      const members = [...names, ...others].map((name) => file(`app/${name}`, odd(name)));
      const lower = [file('app/gone[1]', 'gone'), ...members];
      const layers = [
        tarOf(...lower, file('app/d/e/deep.js', 'deep')),
        tarOf(whiteout('app/gone[1]'), file('app/gone1')),
      ];
      await pushImage(registry, 'odd:latest', { layers: layers.map((layer) => gzipSync(layer)) });
    });
    const stdout = (path: string, ...args: string[]) => carve('-o', '-', ...args, image('odd'), path);

    it('takes an existing path literally', async () => {
      const paths = names.map((name) => `/app/${name}`);
      const { status, stderr } = await carve(image('odd'), ...paths);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(names.map((name) => text('app', name))).toEqual(names.map(odd));
      expect(readdirSync(carved('app')).sort()).toEqual([...names].sort());
      for (const name of ['[slug].js', 'a?b', 'b\\[c'])
        expect(await stdout(`/app/${name}`)).toMatchObject({ status: 0, stdout: odd(name) });
    });

    it('takes other paths as patterns, one matching file to stdout', async () => {
      for (const [pattern, content] of [
        ['/app/\\[slug\\].js', odd('[slug].js')],
        ['/app/arr\\[0].txt', odd('arr[0].txt')],
        ['/app/[!a]rr0.txt', undefined],
        ['/**/*deep.js', 'deep'],
        ['/app/{d,none}/e/*', 'deep'],
        ['/app/d/**', 'deep'],
        ['/app/{d,x}', odd('x')],
      ] as const) {
        const ended = await stdout(pattern);
        const wanted = content === undefined ? { status: 10, stdout: '' } : { status: 0, stdout: content };
        expect(ended, pattern).toMatchObject(wanted);
      }
      expect(await stdout('/app/{d,d}')).toMatchObject({ status: 2, stdout: '' });
      const many = await stdout('/app/*.js');
      expect(many).toMatchObject({ status: 2, stdout: '' });
      expect(many.stderr).toBe(
        'layerslayer: -o - writes one file, but /app/*.js matches 2: use -r for a tar\n',
      );
    });

    it('does not take a deleted path as a pattern', async () => {
      const { status, stderr } = await carve(image('odd'), '/app/gone[1]');
      expect(status).toBe(10);
      expect(stderr).toContain('/app/gone[1] (layer 1 has it, layer 2 deletes it: --layer 1)');
      expect(await stdout('/app/gone[1]', '--layer', '1')).toMatchObject({ status: 0, stdout: 'gone' });
    });

    it('takes each file once, with -r the directories that match', async () => {
      const { status, stdout: told } = await carve('-r', image('odd'), '/**/d/**', '/app/{aX,aX}b');
      expect(status).toBe(0);
      expect(told.split('\n').map((line) => line.split(' ')[1])).toEqual(['/app/d', '/app/aXb', undefined]);
      expect(text('app', 'd', 'e', 'deep.js')).toBe('deep');
    });
  });

  it('takes directories with -r, and leaves out what is no file', async () => {
    const { status, stderr } = await carve('-r', image('app'), '/');
    expect(status).toBe(16);
    expect(stderr).toContain('"/run/pipe" is a fifo');
    expect(text('etc', 'passwd')).toBe('new\n');
    expect(existsSync(carved('etc', 'shadow'))).toBe(false);
    expect(readdirSync(carved('etc', 'old'))).toEqual([]);
    expect(lstatSync(carved('bin')).isSymbolicLink()).toBe(true);
    expect(readFileSync(carved('large')).equals(Buffer.from(LARGE))).toBe(true);
    const mode = (path: string) => lstatSync(carved(path)).mode & 0o7777;
    expect([mode('usr/bin/dash2'), mode('etc')]).toEqual([0o755, 0o755]);
    expect(lstatSync(carved('etc')).mtimeMs).toBe(1_500_000_000_000);
  });

  it('writes a tar with -r -o -', async () => {
    const tar = join(place.scratch, 'out.tar');
    const script = '"$@" > "$TAR"';
    const args = [...place.program, 'carve', '-r', '-o', '-', image('one'), '/usr', '/etc/a.conf'];
    const ended = await attempt('bash', ['-c', script, 'bash', ...args], { env: { ...place.env, TAR: tar } });
    expect(ended).toMatchObject({ status: 0, stdout: '' });
    const listed = await attempt('tar', ['-tvf', tar]);
    expect(listed.stderr).toBe('');
    expect(listed.stdout.split('\n').map((line) => line.split(/\s+/).slice(5).join(' '))).toEqual([
      'usr/',
      'usr/lib/',
      'usr/lib/os-release',
      'usr/bin/',
      'usr/bin/dash',
      'usr/bin/dash2 link to usr/bin/dash',
      'usr/bin/sh -> dash',
      'etc/a.conf',
      '',
    ]);
    expect((await attempt('tar', ['-xOf', tar, 'usr/bin/dash'])).stdout).toBe('\x00\x01\x02\xff');
    const dash = (await readTar(readFileSync(tar))).find(({ path }) => path === 'usr/bin/dash');
    expect(dash).toMatchObject({ kind: 'file', content: '\x00\x01\x02\xff' });
  });

  it('replaces nothing without --force, and with it the name itself', async () => {
    mkdirSync(carved('etc'), { recursive: true });
    writeFileSync(carved('etc', 'passwd'), 'mine');
    const refused = await carve(image('one'), '/etc/passwd');
    expect(refused).toMatchObject({ status: 17, stdout: '' });
    expect(refused.stderr).toMatch(/carved\/etc\/passwd is there already: --force replaces it\n$/);
    expect(proxy.blobBytes).toBeLessThan(2 * KIB); // known before anything was fetched
    expect(text('etc', 'passwd')).toBe('mine');

    const outside = join(place.scratch, 'outside');
    writeFileSync(outside, 'outside');
    symlinkSync(outside, carved('etc', 'a.conf'));
    expect(await carve('--force', image('one'), '/etc/passwd', '/etc/a.conf')).toMatchObject({ status: 0 });
    expect(text('etc', 'passwd')).toBe(PASSWD);
    expect(lstatSync(carved('etc', 'a.conf')).isFile()).toBe(true);
    expect(readFileSync(outside, 'utf8')).toBe('outside');
  });

  it('judges what the image has before what is on disk', async () => {
    const taken = (name: string) => ['etc', name, 'x'];
    mkdirSync(carved(...taken('passwd')), { recursive: true });
    writeFileSync(carved('usr'), 'mine');
    for (const flags of [[], ['--force']]) {
      const ended = await carve(...flags, image('app'), '/etc', '/etc/none', '/etc/passwd', '/etc/group');
      const lines = ended.stderr.replaceAll(place.scratch, '').split('\n');
      expect(lines.filter((line) => line.startsWith('layerslayer: ')).sort()).toEqual([
        'layerslayer: "/etc" is a directory: -r takes it with all below it',
        'layerslayer: /carved/etc/passwd is a directory already',
        'layerslayer: no such file in image: /etc/none (/etc exists)',
      ]);
      expect(ended.status).toBe(2);
      expect(text('etc', 'group')).toBe('group');
      rmSync(carved('etc', 'group'));
    }
    expect(await carve('--force', image('app'), '/usr')).toMatchObject({ status: 2 });
    const tree = await carve('--force', '-r', image('app'), '/usr');
    expect(tree).toMatchObject({
      status: 17,
      stderr: expect.stringMatching(/usr is there, and no directory\n$/),
    });
  });

  it('fetches no content of a file whose name a directory has', async () => {
    mkdirSync(carved('large'), { recursive: true });
    expect(await carve('--force', image('one'), '/large')).toMatchObject({ status: 17 });
    expect(proxy.blobBytes).toBeLessThan(512 * KIB);
  });

  it('writes nothing through a symlink in the output directory, nor outside of it', async () => {
    const outside = join(place.scratch, 'outside');
    mkdirSync(outside);
    mkdirSync(carved());
    symlinkSync(outside, carved('etc'));
    const ended = await carve('--force', image('one'), '/etc/passwd', '/../../../zz/last');
    expect(ended.status).toBe(17);
    expect(ended.stderr).toContain('carved/etc is a symlink, which is not followed');
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(carved())).toEqual(['etc', 'zz']);

    // The image's own symlink `bin` comes first: nothing of `-r` goes through it.
    const { status } = await carve('-r', '-o', 'tree', image('one'), '/bin', '/usr');
    expect(status).toBe(0);
    expect(lstatSync(join(place.scratch, 'tree', 'bin')).isDirectory()).toBe(true);
  });

  it('says that it can not write before it fetches', async () => {
    writeFileSync(join(place.scratch, 'carved'), '');
    expect(await carve(image('one'), '/etc/passwd')).toMatchObject({ status: 17, stdout: '' });
    expect(proxy.seen).toEqual([]);
  });

  it('takes one layer’s version', async () => {
    expect((await carve('--layer', '1', '-o', '-', image('app'), '/etc/passwd')).stdout).toBe(PASSWD);
    expect((await carve('--layer', '1', '-o', '-', image('app'), '/etc/shadow')).stdout).toBe('secret');
    expect([sent(app, 2), sent(app, 3)]).toEqual([0, 0]);
    expect(
      await carve('-q', '--layer', '2', '--layer', '1', '-o', '-', image('app'), '/zz/last'),
    ).toMatchObject({
      status: 0,
      stdout: 'last\n',
      stderr: 'warning: --layer takes one value: 1 counts, not 2\n',
    });
    expect(await carve('--layer', '2', image('app'), '/etc/passwd')).toMatchObject({ status: 10 });
    expect(await carve('--layer', '4', image('app'), '/etc/passwd')).toMatchObject({ status: 10 });
  });

  it('reads to the end with --verify, and nothing the next time', async () => {
    const first = await carve('--verify', '--json', image('one'), '/etc/passwd');
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toEqual({
      path: '/etc/passwd',
      resolved: '/etc/passwd',
      layer: 1,
      layers: 1,
      size: PASSWD.length,
      output: carved('etc', 'passwd'),
      verified: true,
      bytesFetched: base.length,
      bytesTotal: base.length,
      elapsedMs: expect.any(Number),
    });
    const { blobBytes } = proxy;
    const again = await carve('--force', '--json', image('one'), '/etc/passwd', '/zz/last');
    expect(
      again.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).verified),
    ).toEqual([true, true]);
    expect(proxy.blobBytes).toBe(blobBytes);
  });

  it('tells of a damaged layer only when it has to be read', async () => {
    expect(await carve(image('broken'), '/etc/group')).toMatchObject({ status: 0 });
    const hit = await carve('--json', image('broken'), '/etc/none');
    expect(hit).toMatchObject({ status: 15, stdout: '' });
    expect(JSON.parse(hit.stderr).error.message).toMatch(/^layer 2: reading layer sha256:.*inflating gzip/);
    expect(await carve('--layer', '2', image('broken'), '/etc/passwd')).toMatchObject({ status: 0 });
    expect(await carve('--layer', '2', '--verify', image('broken'), '/etc/a.conf')).toMatchObject({
      status: 15,
    });
    expect(existsSync(carved('etc', 'a.conf'))).toBe(false);
  });

  it.each([
    [['-o', '-', 'IMAGE', '/a', '/b'], 2],
    [['-o', '-', 'IMAGE', '{a,b}'.repeat(20)], 2],
    [['-o', '-', '--json', 'IMAGE', '/a'], 2],
    [['--layer', '0', 'IMAGE', '/a'], 2],
    [['IMAGE'], 2],
    [['IMAGE', ''], 2],
  ])('refuses %j', async (args, status) => {
    const words = args.map((word) => (word === 'IMAGE' ? image('one') : word));
    expect(await carve(...words)).toMatchObject({ status, stdout: '' });
    expect(proxy.seen).toEqual([]);
  });

  it('names what is wrong with a place to write to', async () => {
    const disk = place.directory('disk');
    await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk]);
    try {
      const ended = await carve('-o', join(disk, 'deep', 'out'), image('two'), '/etc/passwd');
      expect(ended).toMatchObject({ status: 17, stdout: '' });
      expect(ended.stderr).toMatch(/EROFS|[Rr]ead-only/);
    } finally {
      await run('umount', [disk]);
    }
  });

  it('works without a cache', async () => {
    expect(await carve('--cache-size', '0', image('two'), '/etc/passwd', '/bin/sh')).toMatchObject({
      status: 0,
    });
    expect(text('etc', 'passwd')).toBe(PASSWD);
    expect(existsSync(place.cache)).toBe(false);
  });

  it('leaves nothing when it is interrupted in the middle of a file', async () => {
    const { digest } = app.manifest.layers[0]!;
    proxy.rules.push({ path: new RegExp(digest), nth: 6, fault: stallAfter(1000) });
    let pid = 0;
    const ending = place.layerslayer(['carve', '--layer', '1', image('app'), '/large'], {
      cwd: place.scratch,
      started: (its) => {
        pid = its;
      },
    });
    const halves = () => (existsSync(carved()) ? readdirSync(carved()) : []);
    await until(
      () => halves().length > 0 && proxy.requests(new RegExp(digest)).length >= 6,
      10_000,
      () => 'no part of the file came',
    );
    process.kill(pid, 'SIGINT');
    expect(await ending).toMatchObject({ status: 130, stdout: '', stderr: 'layerslayer: interrupted\n' });
    expect(halves()).toEqual([]);
  });
});
