import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt } from '../../../support/child.js';
import { corruptAt, FaultProxy, stallAfter } from '../../../support/fault-proxy.js';
import { until, Workplace } from '../../../support/mounts.js';
import {
  type PushedImage,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { char, dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from '../../../support/tar.js';

const KIB = 1024;
const MANY = 5_000;
const diffId = `sha256:${'0'.repeat(64)}`;

const base = gzipSync(
  tarOf(
    dir('etc/', { mode: 0o750, uid: 1, gid: 2, mtime: 1_600_000_000 }),
    file('./etc/passwd', 'root', { mode: 0o644, mtime: 1_600_000_000.5 }),
    file('etc/shadow', 'secret', { mode: 0o600, uid: 4_000_000_000 }),
    file('etc/evil\x1b[2J\n\u202egpj.exe', 'x'),
    file(Buffer.from('etc/\xff\\', 'latin1'), 'x'),
    symlink('etc/link', '../a\tb'),
    hardlink('etc/hard', 'etc/passwd'),
    file('etc/setuid', 'x'.repeat(2000), { mode: 0o4711 }),
    file('etc/sticky', '', { mode: 0o1666 }),
    char('dev/null', 1, 3, { mode: 0o666 }),
    fifo('run/pipe', { mode: 0o600 }),
    dir('old/'),
    file('old/x', 'x'),
    file('noise', noise(400_000, 3)),
  ),
);
const top = gzipSync(
  tarOf(dir('etc/'), whiteout('etc/shadow'), file('etc/passwd', 'root2'), opaque('old'), file('old/y', 'y')),
);

let registry: TestRegistry;
let proxy: FaultProxy;
let app: PushedImage;
let place: Workplace;

beforeAll(async () => {
  registry = await startRegistry();
  app = await pushImage(registry, 'app:latest', { layers: [base, top] });
  const noTar = Buffer.alloc(4000, 'neither gzip nor tar ');
  const xz = Buffer.from('fd377a585a000004e6d6b446', 'hex');
  await pushImage(registry, 'bad:latest', { layers: [noTar, top, xz, base] });
  const many = Array.from({ length: MANY }, (_, i) => file(`some/directory/with-a-long-name/file-${i}`));
  await pushImage(registry, 'many:latest', { layers: [gzipSync(tarOf(...many))] });
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

const peek = (...args: string[]) => place.layerslayer(['peek', ...args]);
const image = (name: string) => `${proxy.host}/${name}`;
const lines = (text: string) => text.split('\n').slice(0, -1);
const json = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);
const shell = (script: string, ...args: string[]) =>
  attempt('bash', ['-c', `"$0" "$@" ${script}`, ...place.program, 'peek', ...args], { env: place.env });

describe('peek', () => {
  it('lists each layer, base first, as ls does; the second time without a byte', async () => {
    const first = await peek(image('app'));
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(lines(first.stdout)).toEqual([
      expect.stringMatching(/^layer 1\/2 {2}sha256:.* {2}39\d\.\d KiB$/),
      'drwxr-x---     1     2          - 2020-09-13 12:26 /etc/',
      '-rw-r--r--     0     0        4 B 2020-09-13 12:26 /etc/passwd',
      '-rw------- 4000000000     0        6 B 2017-07-14 02:40 /etc/shadow',
      '-rw-r--r--     0     0        1 B 2017-07-14 02:40 /etc/evil\\x1b[2J\\x0a\\xe2\\x80\\xaegpj.exe',
      '-rw-r--r--     0     0        1 B 2017-07-14 02:40 /etc/\\xff\\\\',
      'lrwxrwxrwx     0     0          - 2017-07-14 02:40 /etc/link -> ../a\\x09b',
      expect.stringMatching(/^h.{9} {5}0 {5}0 {10}- 2017-07-14 02:40 \/etc\/hard link to etc\/passwd$/),
      '-rws--x--x     0     0    2.0 KiB 2017-07-14 02:40 /etc/setuid',
      '-rw-rw-rwT     0     0        0 B 2017-07-14 02:40 /etc/sticky',
      'crw-rw-rw-     0     0       1, 3 2017-07-14 02:40 /dev/null',
      'prw-------     0     0          - 2017-07-14 02:40 /run/pipe',
      'drwxr-xr-x     0     0          - 2017-07-14 02:40 /old/',
      '-rw-r--r--     0     0        1 B 2017-07-14 02:40 /old/x',
      '-rw-r--r--     0     0  390.6 KiB 2017-07-14 02:40 /noise',
      '',
      expect.stringMatching(/^layer 2\/2 {2}sha256:/),
      'drwxr-xr-x     0     0          - 2017-07-14 02:40 /etc/',
      '-rw-r--r--     0     0        0 B 2017-07-14 02:40 /etc/.wh.shadow',
      '-rw-r--r--     0     0        5 B 2017-07-14 02:40 /etc/passwd',
      '-rw-r--r--     0     0        0 B 2017-07-14 02:40 /old/.wh..wh..opq',
      '-rw-r--r--     0     0        1 B 2017-07-14 02:40 /old/y',
      '',
      '19 entries, 392.6 KiB in 2 layers',
    ]);
    const { blobBytes } = proxy;
    expect(await peek(image('app'))).toEqual(first);
    expect(proxy.blobBytes).toBe(blobBytes);
  });

  it('lists names and sizes with --simple, and only layers and subtrees that are asked for', async () => {
    const { stdout } = await peek(
      '--simple',
      '--layer',
      '2',
      '--layer',
      '1',
      image('app'),
      '/old/',
      'dev//null',
      '/ol',
    );
    expect(lines(stdout)).toEqual([
      expect.stringMatching(/^layer 1\/2/),
      '/dev/null  1, 3',
      '/old/',
      '/old/x  1 B',
      '',
      expect.stringMatching(/^layer 2\/2/),
      '/old/.wh..wh..opq  0 B',
      '/old/y  1 B',
    ]);
    const one = await peek(
      '--simple',
      '--layer',
      app.manifest.layers[1]!.digest,
      image('app'),
      '/etc/passwd',
    );
    expect(lines(one.stdout).slice(1)).toEqual(['/etc/passwd  5 B']);
  });

  it('takes the beginning of a layer’s digest, as its own headings show it', async () => {
    const { stdout } = await peek('--simple', image('app'));
    const [, shown = ''] = /^layer 2\/2 +(\S+)/m.exec(Buffer.from(stdout, 'latin1').toString())!;
    expect(shown).toMatch(/^sha256:[0-9a-f]{12}…$/);
    for (const digest of [shown, shown.slice(0, -1), shown.slice('sha256:'.length, 'sha256:'.length + 6)]) {
      const one = await peek('--simple', '--layer', digest, image('app'), '/etc/passwd');
      expect(lines(one.stdout).slice(1)).toEqual(['/etc/passwd  5 B']);
    }
    const none = await peek('--layer', 'sha256:000000', image('app'));
    expect(none).toMatchObject({ status: 10, stderr: expect.stringContaining('has no layer sha256:000000') });
    const short = await peek('--layer', 'sha256:12345', image('app'));
    expect(short).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('not a layer: "sha256:12345"'),
    });
  });

  it.each([['--simple'], ['--merged']])(
    '%s: names each path that is not there, and its nearest parent',
    async (form) => {
      const paths = ['/none/deep', '/', '/etc/passwd', 'etc/./none/', '/old/yy', '/old/y/z', '/run'];
      const { status, stdout, stderr } = await peek(form, image('app'), ...paths);
      expect(status).toBe(10);
      expect(stdout).toContain('/etc/passwd');
      expect(lines(stderr)).toEqual(
        ['/none/deep', '/etc/none (/etc exists)', '/old/yy (/old exists)', '/old/y/z (/old/y exists)'].map(
          (path) => `layerslayer: no such file in image: ${path}`,
        ),
      );
    },
  );

  it('lists matches of a pattern with their contents; an existing path is no pattern', async () => {
    const layers = [
      tarOf(file('a/1', '1'), file('a/[x]/2', '2'), file('b/x/3', '3'), file('b/c/4.js', '4')),
      tarOf(file('a/x/5', '5'), whiteout('a/1')),
    ];
    await pushImage(registry, 'odd:latest', { layers: layers.map((layer) => gzipSync(layer)) });
    const list = async (...args: string[]) => {
      const { status, stdout, stderr } = await peek('--simple', ...args);
      const paths = lines(stdout)
        .filter((line) => /^( {4}\d )?\//.test(line))
        .map((line) => line.trim());
      return [status, ...paths, ...lines(stderr)];
    };
    // Without a cached index: the second layer alone decides.
    expect(await list(image('odd'), '/a/[x]')).toEqual([0, '/a/[x]/2  1 B']);
    expect(await list(image('odd'), '/[ab]/x')).toEqual([0, '/b/x/3  1 B', '/a/x/5  1 B']);
    expect(await list('--layer', '2', image('odd'), '/a/[x]')).toEqual([0, '/a/x/5  1 B']);
    expect(await list(image('odd'), '/**/*.js', '/a/{1,none}')).toEqual([0, '/a/1  1 B', '/b/c/4.js  1 B']);
    expect(await list('--merged', image('odd'), '/b/**')).toContain('1 /b/c/4.js  1 B');
    expect(await list('--head', '1MiB', image('odd'), '/b/\\x')).toEqual([0, '/b/x/3  1 B']);
    expect(await list('--deleted', image('odd'), '/?/1')).toEqual([
      0,
      '1 /a/1  1 B  (hidden by whiteout in layer 2)',
    ]);
    expect(await list('--merged', image('odd'), '/a/1', '/a/[2-9]')).toEqual([
      10,
      'layerslayer: no such file in image: /a/1 (layer 1 has it, layer 2 deletes it: --layer 1)',
      'layerslayer: no such file in image: /a/[2-9] (the pattern matches nothing)',
    ]);
    expect(await list('--layer', '2', image('odd'), '/b/none')).toEqual([
      10,
      'layerslayer: no such file in layer 2: /b/none',
    ]);
    expect(await list(image('odd'), '{a,b}'.repeat(20))).toEqual([2, expect.stringContaining('1024 words')]);
  });

  it('gives programs one entry a line, names that are not UTF-8 in base64 too', async () => {
    const entries = json(
      Buffer.from((await peek('--json', image('app'), '/etc', '/dev')).stdout, 'latin1').toString(),
    );
    expect(entries).toHaveLength(13);
    expect(entries[1]).toEqual({
      layer: 1,
      path: '/etc/passwd',
      kind: 'file',
      mode: '0644',
      uid: 0,
      gid: 0,
      size: 4,
      mtime: 1_600_000_000,
      mtimeNanoseconds: 500_000_000,
    });
    expect(entries[3]).toMatchObject({ path: '/etc/evil\x1b[2J\n\u202egpj.exe' });
    expect(entries[4]).toMatchObject({
      path: '/etc/\ufffd\\',
      pathBase64: Buffer.from('/etc/\xff\\', 'latin1').toString('base64'),
    });
    expect(entries[5]).toMatchObject({ kind: 'symlink', target: '../a\tb' });
    expect(entries[9]).toMatchObject({ path: '/dev/null', device: [1, 3] });
  });

  it('lists the merged tree, and where each entry comes from', async () => {
    const { status, stdout } = await peek(
      '--merged',
      '--simple',
      image('app'),
      '/etc/passwd',
      '/old',
      '/etc/hard',
    );
    expect(status).toBe(0);
    const [heading, ...listed] = lines(stdout);
    expect(heading).toBe('LAYER PATH  SIZE');
    expect(listed.sort()).toEqual([
      '    1 /etc/hard  4 B',
      '    1 /old/',
      '    2 /etc/passwd  5 B',
      '    2 /old/y  1 B',
    ]);
    const long = lines((await peek('--merged', image('app'), '/etc/setuid')).stdout);
    expect(long).toEqual([
      'LAYER MODE         UID   GID       SIZE TIME (UTC)       PATH',
      '    1 -rws--x--x     0     0    2.0 KiB 2017-07-14 02:40 /etc/setuid',
      '',
      '1 entry, 2.0 KiB in 1 layer',
    ]);
    const entries = json((await peek('--merged', '--json', image('app'), '/etc/passwd')).stdout);
    expect(entries).toEqual([expect.objectContaining({ layer: 2, path: '/etc/passwd', size: 5 })]);
    expect((await peek('--merged', '--simple', image('app'))).stdout).not.toMatch(/shadow|\.wh\./);
  });

  it('lists what upper layers hide, and how', async () => {
    expect(lines((await peek('--deleted', '--simple', image('app'))).stdout)).toEqual([
      'LAYER PATH  SIZE',
      '    1 /etc/passwd  4 B  (replaced in layer 2)',
      '    1 /etc/shadow  6 B  (hidden by whiteout in layer 2)',
      '    1 /old/x  1 B  (hidden by opaque in layer 2)',
    ]);
    const entries = json((await peek('--deleted', '--json', image('app'), '/old')).stdout);
    expect(entries).toEqual([
      expect.objectContaining({ layer: 1, path: '/old/x', hiddenBy: 2, how: 'opaque', kind: 'file' }),
    ]);
    expect(await peek('--deleted', '--layer', '2', image('app'))).toMatchObject({ status: 0, stdout: '' });
  });

  it('lists paths of at most --depth names', async () => {
    const list = async (...args: string[]) => {
      const { status, stdout } = await peek('--simple', '--layer', '1', ...args);
      return [status, ...lines(stdout).filter((line) => line.startsWith('/'))];
    };
    expect(await list('--depth', '1', image('app'))).toEqual([0, '/etc/', '/old/', '/noise  390.6 KiB']);
    expect(await list('--depth', '0', image('app'))).toEqual([0]);
    // Deeper names are not missing, and whatever matched them is not either.
    expect(await list('--depth', '1', image('app'), '/etc', '/old/*')).toEqual([0, '/etc/']);
    const merged = await peek('--merged', '--depth', '1', '--json', image('app'));
    expect(
      json(merged.stdout)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/', '/dev', '/etc', '/noise', '/old', '/run']);
    const deleted = await peek('--deleted', '--depth', '1', image('app'));
    expect(deleted).toMatchObject({ status: 0, stdout: '' });
  });

  describe('--sort size', () => {
    const paths = (text: string) => json(Buffer.from(text, 'latin1').toString()).map(({ path }) => path);

    it.each([['of a new image'], ['of a cached one']])(
      'lists the largest files of each layer first, %s',
      async () => {
        const { status, stdout } = await peek('--sort', 'size', '--json', image('app'));
        const listed = json(Buffer.from(stdout, 'latin1').toString());
        const sizes = (layer: number) =>
          listed
            .filter((entry) => entry.layer === layer)
            .map(({ kind, size, path }) => (kind === 'file' ? size : path));
        expect(status).toBe(0);
        const rest = ['/etc', '/etc/link', '/etc/hard', '/dev/null', '/run/pipe', '/old'];
        expect(sizes(1)).toEqual([400_000, 2000, 6, 4, 1, 1, 1, 0, ...rest]);
        expect(sizes(2)).toEqual([5, 1, 0, 0, '/etc']);
        await peek(image('app'));
      },
    );

    it('lists the largest files of the merged tree, and of what is hidden, first', async () => {
      const merged = paths((await peek('--merged', '--sort', 'size', '--json', image('app'))).stdout);
      expect(merged.slice(0, 4)).toEqual(['/noise', '/etc/setuid', '/etc/passwd', '/etc/hard']);
      const all = paths((await peek('--merged', '--json', image('app'))).stdout);
      expect(merged.toSorted()).toEqual(all.toSorted());
      const hidden = await peek('--deleted', '--sort', 'size', '--json', image('app'));
      expect(paths(hidden.stdout)).toEqual(['/etc/shadow', '/etc/passwd', '/old/x']);
    });

    it('lists the other layers if one can not be read', async () => {
      const { status, stdout } = await peek('--sort', 'size', image('bad'), '/old');
      expect(status).toBe(15);
      const shown = lines(stdout).map((line) => line.replace(/^.* (?=\/)/, ''));
      expect(shown.filter((line) => line.startsWith('/'))).toEqual([
        '/old/y',
        '/old/.wh..wh..opq',
        '/old/x',
        '/old/',
      ]);
      expect(shown.at(-1)).toBe('4 entries, 2 B in 2 layers; layers 1, 3 are not listed whole');
    });
  });

  describe('the last line, for people,', () => {
    const last = async (...args: string[]) => lines((await peek(...args)).stdout).at(-1);

    it('has the totals of what was listed', async () => {
      expect(await last(image('app'), '/etc/passwd')).toBe('2 entries, 9 B in 2 layers');
      expect(await last('--depth', '1', '--layer', '1', image('app'))).toBe(
        '3 entries, 390.6 KiB in 1 layer',
      );
      expect(await last('--deleted', image('app'))).toBe('3 entries, 11 B in 1 layer');
    });

    it('counts a file of the merged tree once, whatever names it has', async () => {
      await pushImage(registry, 'links:latest', {
        layers: [gzipSync(tarOf(file('a', 'four'), hardlink('b', 'a')))],
      });
      for (const sort of [[], ['--sort', 'size']])
        expect(await last('--merged', ...sort, image('links'))).toBe('3 entries, 4 B in 1 layer');
      expect(await last(image('links'))).toBe('2 entries, 4 B in 1 layer');
    });

    it('says which layers are not listed whole', async () => {
      expect(await last('--head', '64KiB', image('app'))).toBe(
        '19 entries, 392.6 KiB in 2 layers; layer 1 is not listed whole',
      );
      expect(await last(image('bad'))).toMatch(
        /^19 entries, .* in 2 layers; layers 1, 3 are not listed whole$/,
      );
    });

    it('is not there for programs, and not if nothing was listed', async () => {
      expect(await last('--simple', image('app'))).toBe('/old/y  1 B');
      expect(await last('--json', image('app'))).toMatch(/^\{"layer":2,"path":"\/old\/y"/);
      expect(await last('--deleted', '--layer', '2', image('app'))).toBeUndefined();
    });
  });

  it('reads no more than the first bytes of a layer with --head, and says so', async () => {
    const { status, stdout, stderr } = await peek('--head', '64KiB', '--simple', image('app'));
    expect(status).toBe(0);
    expect(stderr).toMatch(/^layer 1: partial: first 64 KiB of 39\d\.\d KiB, 14 entries\n$/);
    expect(lines(stdout)).toHaveLength(1 + 14 + 2 + 5);
    const sent = (layer: number) =>
      proxy
        .requests(new RegExp(app.manifest.layers[layer - 1]!.digest))
        .reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    expect([sent(1), sent(2)]).toEqual([64 * KIB, top.length]);
  });

  it('says of each layer that it can not read why, and goes on', async () => {
    const { status, stdout, stderr } = await peek('--simple', image('bad'), '/old/y', '/old/x');
    expect(status).toBe(15);
    expect(lines(stdout).filter((line) => line.startsWith('/'))).toEqual(['/old/y  1 B', '/old/x  1 B']);
    expect(lines(stderr)).toEqual([
      expect.stringMatching(/^layerslayer: layer 1: reading layer .*: no tar header$/),
      expect.stringMatching(/^layerslayer: layer 3: reading layer .*compressed with xz/),
    ]);
    expect(await peek('--merged', image('bad'))).toMatchObject({ stdout: '' });
  });

  it('lists the other layers and names one that is not a tar', async () => {
    const signature = { bytes: Buffer.from('{}'), mediaType: 'application/vnd.in-toto+json', diffId };
    await pushImage(registry, 'odd:latest', { layers: [base, signature, top] });
    const { status, stdout, stderr } = await peek('--simple', image('odd'), '/old/y', '/old/x');
    expect(status).toBe(16);
    expect(lines(stdout).filter((line) => line.startsWith('/'))).toEqual(['/old/x  1 B', '/old/y  1 B']);
    expect(stderr).toMatch(
      /^layerslayer: layer 2 is not a tar archive \(application.vnd.in-toto\+json\): .*\n$/,
    );
    expect(proxy.requests(new RegExp(sha256(signature.bytes)))).toEqual([]);
    const fine = await peek('--simple', '--layer', '3', image('odd'), '/old/y');
    expect(fine).toMatchObject({ status: 0, stderr: '' });
    expect(await peek('--merged', image('odd'))).toMatchObject({ status: 16, stdout: '' });
  });

  it('shows entries as they come, however long the rest takes', async () => {
    // What is listed comes with the first 8 KiB; more never comes.
    proxy.rules.push({ path: new RegExp(app.manifest.layers[0]!.digest), fault: stallAfter(8 * KIB) });
    const out = join(place.scratch, 'out');
    const args = ['-c', 'exec "$0" "$@" > "$OUT"', ...place.program, 'peek', '--simple', image('app')];
    let pid = 0;
    const started = (its: number) => {
      pid = its;
    };
    const ending = attempt('bash', args, { env: { ...place.env, OUT: out }, started });
    const listed = () => (existsSync(out) ? lines(readFileSync(out, 'latin1')) : []);
    await until(
      () => listed().length === 15,
      20_000,
      () => `listed: ${listed()}`,
    );
    process.kill(pid, 'SIGINT');
    expect(await ending).toMatchObject({ status: 130, stderr: 'layerslayer: interrupted\n' });
    expect(listed().at(-1)).toBe('/noise  390.6 KiB');
  });

  describe('a layer of which wrong bytes come once', () => {
    const LONG = `${'long/'.repeat(30)}name`; // in a record that has no checksum
    const plain = tarOf(
      file('a'),
      file(LONG),
      ...[1, 2, 3, 4, 5].map((i) => file(`n${i}`, noise(30_000, i))),
    );
    const answered = async (at: number, nth?: number, form = ['--simple']) => {
      const { manifest } = await pushImage(registry, 'plain:latest', { layers: [plain] });
      const path = new RegExp(`/blobs/${manifest.layers[0]!.digest}`);
      proxy.rules.push({ method: 'GET', path, ...(nth && { nth }), fault: corruptAt(at) });
      return peek(...form, image('plain'));
    };
    const listedNames = (text: string) =>
      lines(text)
        .slice(1)
        .map((line) => line.replace(/ {2}.*/, ''));
    const names = ['/a', `/${LONG}`, '/n1', '/n2', '/n3', '/n4', '/n5'];

    it.each([
      ['content', plain.length - 120_000],
      ['a header', plain.indexOf('n1')],
    ])('is listed once, and is right: %s', async (_, at) => {
      const { status, stdout, stderr } = await answered(at, 1);
      expect([status, listedNames(stdout)]).toEqual([0, names]);
      expect(stderr).toMatch(/content is .* trying once more/);
    });

    it('has the totals of what is listed, not of what came twice', async () => {
      const { status, stdout } = await answered(plain.length - 120_000, 1, []);
      expect([status, lines(stdout).at(-1)]).toEqual([0, '7 entries, 146.5 KiB in 1 layer']);
    });

    it('fails if a name was listed that it does not have', async () => {
      const { status, stdout, stderr } = await answered(plain.indexOf('long/'), 1);
      expect(status).toBe(14);
      expect(stderr).toMatch(/DIGEST_MISMATCH|wrong bytes came/);
      expect(stdout).not.toContain(`/${LONG}`);
    });

    it('fails if they come twice', async () => {
      const { status, stdout } = await answered(plain.length - 120_000);
      expect([status, listedNames(stdout)]).toEqual([14, names]);
    });
  });

  it('ends quietly when its reader does, and waits for one that is slow', async () => {
    expect(await shell('| head -1; echo "$PIPESTATUS"', image('many'))).toMatchObject({
      stdout: expect.stringMatching(/^layer 1\/1 .*\n0\n$/),
      stderr: '',
    });
    const slow = await shell('| (sleep 1; wc -l)', image('many'));
    expect(slow.stdout.trim()).toBe(String(MANY + 3)); // with a heading and the totals
    const kept = await shell('| (sleep 1; wc -l)', image('many'));
    expect(kept.stdout.trim()).toBe(String(MANY + 3));
  });

  it.each([
    [['--merged', '--deleted']],
    [['--merged', '--layer', '1']],
    [['--head', '1KiB', '--merged']],
    [['--simple', '--json']],
    [['--head', 'much']],
    [['--head', '1KiB', '--sort', 'size']],
    [['--sort', 'name']],
    [['--depth', '-1']],
    [['--depth', '1.5']],
    [['--layer', 'x']],
  ])('refuses %j', async (args) => {
    expect(await peek(...args, image('app'))).toMatchObject({ status: 2, stdout: '' });
    expect(proxy.seen).toEqual([]);
  });

  it('knows no layer that is not there', async () => {
    expect(await peek('--layer', '3', image('app'))).toMatchObject({ status: 10, stdout: '' });
  });
});
