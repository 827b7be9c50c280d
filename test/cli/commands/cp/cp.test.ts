import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../../blob/bytes.js';
import { attempt, run } from '../../../support/child.js';
import {
  dockerArchiveFiles,
  LayoutBuilder,
  named,
  writeArchive,
  writeDirectory,
} from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { NOBODY, ordinaryWorkplace } from '../../../support/ordinary-user.js';
import { pushImage, sha256, startRegistry } from '../../../support/registry.js';
import {
  char,
  dir,
  fifo,
  file,
  hardlink,
  oldGnuSparse,
  symlink,
  tarOf,
  whiteout,
} from '../../../support/tar.js';

const owner = { uid: 1234, gid: 4321 };
const base = tarOf(
  dir('app/', { mode: 0o750, mtime: 1_400_000_000 }),
  file('app/run', 'run', { mode: 0o4755, mtime: '1500000000.123456789', xattrs: { 'user.a': 'b' } }),
  hardlink('app/run-too', 'app/run'),
  file('app/owned', 'owned', { mode: 0o6755, ...owner }),
  file('app/old', 'old'),
  symlink('app/link', 'run', { mtime: 1_300_000_000 }),
  symlink('to-app', 'app'),
  symlink('nowhere', '/none'),
  dir('special/'),
  fifo('special/fifo', { mode: 0o640 }),
  char('special/null', 1, 3),
  file('special/plain', 'plain'),
  file('marks\u001b[31m', 'marks'),
  dir('large/'),
  file('large/noise', noise(3_000_000, 1)),
  file('large/small', 'small'),
  oldGnuSparse('sparse', 2_000_000_000, [{ offset: 1_000_000_000, data: 'x'.repeat(512) }]),
  file('cap', '', {
    mode: 0o755,
    xattrs: { 'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex') },
  }),
);
const top = tarOf(
  dir('app/', { mode: 0o750, mtime: 1_400_000_000 }),
  whiteout('app/old'),
  file('top', 'top'),
);

let place: Workplace;
let images: Workplace;
let image: string;
let hostile: string;
beforeAll(() => {
  images = new Workplace();
  const write = (name: string, layers: readonly Uint8Array[]) => {
    const builder = new LayoutBuilder();
    return `oci:${writeDirectory(join(images.scratch, name), builder.top([named(builder.image(layers), 'latest')]))}`;
  };
  image = write('image', [base, top]);
  hostile = write('hostile', [
    tarOf(dir('d/'), symlink('d/out', '../../outside'), symlink('d/root', '/'), file('d/z', 'z')),
    tarOf(file('d/out/../../../up', 'up'), file('../../climb', 'climb')),
  ]);
});
afterAll(() => images.cleanUp());
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const cp = (...args: string[]) => place.layerslayer(['cp', ...args], { cwd: place.scratch });
const path = (name: string) => join(place.scratch, name);
const text = (name: string) => readFileSync(path(name), 'utf8');
const mode = (name: string) => (lstatSync(path(name)).mode & 0o7777).toString(8);
const shown = async (script: string) => (await run('bash', ['-c', script], { cwd: place.scratch })).stdout;
const untar = (...args: string[]) =>
  run('bash', ['-c', '"$@" | tar -tv --numeric-owner', 'bash', ...place.program, 'cp', ...args], {
    cwd: place.scratch,
    env: place.env,
  });

describe('cp', () => {
  it('copies a file to a new name, and to a directory', async () => {
    const digest = '@sha256:\\w{64}';
    const ended = await cp(image, '/app/run', 'new');
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      new RegExp(
        `^${image}${digest}: /app/run \\(1 file, 3 B\\) in ${path('new')}, 0 B fetched in \\d\\.\\d s\\n$`,
      ),
    );
    mkdirSync(path('dir'));
    expect(await cp('-q', image, 'app/run', 'dir')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    for (const name of ['new', 'dir/run']) {
      expect([text(name), mode(name)]).toEqual(['run', '4755']);
      expect(lstatSync(path(name), { bigint: true }).mtimeNs).toBe(1_500_000_000_123_456_789n);
    }
    expect(await shown('getfattr --only-values -n user.a new')).toBe('b');
    expect(readdirSync(path('dir'))).toEqual(['run']);
  });

  it('copies a directory to a new name, into a directory, and only what is in it', async () => {
    expect(await cp('-q', image, '/app', 'new')).toMatchObject({ status: 0, stderr: '' });
    mkdirSync(path('dir'));
    expect(await cp('-q', image, '/app', 'dir')).toMatchObject({ status: 0, stderr: '' });
    mkdirSync(path('contents'));
    expect(await cp('-q', image, '/app/.', 'contents')).toMatchObject({ status: 0, stderr: '' });
    for (const name of ['new', 'dir/app', 'contents']) {
      expect(readdirSync(path(name)).sort()).toEqual(['link', 'owned', 'run', 'run-too']);
      expect(lstatSync(path(`${name}/run`)).ino).toBe(lstatSync(path(`${name}/run-too`)).ino);
      expect(readlinkSync(path(`${name}/link`))).toBe('run');
      expect(lstatSync(path(`${name}/link`)).mtimeMs).toBe(1_300_000_000_000);
    }
    expect([mode('new'), lstatSync(path('dir/app')).mtimeMs]).toEqual(['750', 1_400_000_000_000]);
    expect(mode('contents')).not.toBe('750'); // the user's own directory
  });

  it('follows a symlink PATH with -L, and with a slash behind it', async () => {
    expect(await cp('-q', image, '/to-app', 'link')).toMatchObject({ status: 0 });
    expect(readlinkSync(path('link'))).toBe('app');
    mkdirSync(path('dir'));
    expect(await cp('-q', '-L', image, '/to-app', 'dir')).toMatchObject({ status: 0 });
    expect(readdirSync(path('dir/to-app'))).toContain('run');
    expect(await cp('-q', image, '/to-app/', 'slash')).toMatchObject({ status: 0 });
    expect(readdirSync(path('slash'))).toContain('run');
    expect(await cp('-q', image, '/nowhere', 'nowhere')).toMatchObject({ status: 0 });
    expect(readlinkSync(path('nowhere'))).toBe('/none');
    expect(await cp('-L', image, '/nowhere', 'none')).toMatchObject({
      status: 10,
      stderr: 'layerslayer: no such file in image: /nowhere -> /none\n',
    });
  });

  it('writes a tar to stdout, named by PATH', async () => {
    const names = async (...args: string[]) =>
      (await untar(...args, '-')).stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).slice(5).join(' '));
    expect(await names(image, '/app')).toEqual([
      'app/',
      'app/run',
      'app/run-too link to app/run',
      'app/owned',
      'app/link -> run',
    ]);
    expect(await names(image, '/app/.')).toEqual([
      './',
      'run',
      'run-too link to run',
      'owned',
      'link -> run',
    ]);
    expect(await names('-L', image, '/to-app/link')).toEqual(['link']);
    expect((await untar(image, '/special', '-')).stdout).toMatch(
      /^drwxr-xr-x 0\/0 .* special\/\nprw-r----- 0\/0 .* special\/fifo\ncrw------- 0\/0 +1,3 .* special\/null\n/,
    );
  });

  it('belongs to the caller, and with -a to the owner', async () => {
    expect(await cp('-q', image, '/app/owned', 'mine')).toMatchObject({ status: 0 });
    expect(await cp('-q', '-a', image, '/app/owned', 'kept')).toMatchObject({ status: 0 });
    expect(await shown('stat -c "%u:%g %a" mine kept')).toBe('0:0 755\n1234:4321 6755\n');
  });

  it('replaces nothing without --force', async () => {
    writeFileSync(path('mine'), 'mine');
    const refused = {
      status: 17,
      stdout: '',
      stderr: 'layerslayer: mine is there already: --force replaces it\n',
    };
    expect(await cp(image, '/app/run', 'mine')).toEqual({ ...refused, signal: null });
    expect(existsSync(place.cache)).toBe(false); // known before the image was opened
    mkdirSync(path('dir/app'), { recursive: true });
    writeFileSync(path('dir/app/owned'), 'mine');
    const merged = await cp(image, '/app', 'dir');
    expect(merged.status).toBe(17);
    expect(merged.stderr).toBe(
      `layerslayer: ${path('dir/app/owned')} is there already: --force replaces it\n`,
    );
    expect([text('dir/app/owned'), text('dir/app/run')]).toEqual(['mine', 'run']);
    expect(await cp('--force', image, '/app', 'dir')).toMatchObject({ status: 0 });
    expect(await cp('--force', image, '/app/run', 'mine')).toMatchObject({ status: 0 });
    expect([text('dir/app/owned'), text('mine')]).toEqual(['owned', 'run']);
    expect(await cp('--force', image, '/app', 'mine')).toMatchObject({
      status: 17,
      stderr: `layerslayer: ${path('mine')} is there, and no directory\n`,
    });
    expect(await cp('--force', image, '/app/run', 'dir/app')).toMatchObject({ status: 0 });
  });

  it.each([
    [['/none', 'new'], 10, 'no such file in image: /none'],
    [
      ['/app/old', 'new'],
      10,
      'no such file in image: /app/old (layer 1 has it, layer 2 deletes it: --layer 1)',
    ],
    [['/app/run/', 'new'], 10, 'no such file in image: /app/run/ (not a directory: /app/run)'],
    [['/app/r*', 'new'], 10, 'no such file in image: /app/r* (/app exists)'],
    [['/app/run', 'none/new'], 17, 'no such directory: none'],
    [['/app/run', 'none/'], 17, 'no such directory: none/'],
    [['--layer', '9', '/app', 'new'], 10, / has no layer 9: want 1 to 2/],
    [['--json', '/app', '-'], 2, /"a tar on stdout and --json exclude each other/],
  ])('refuses %j', async (args, status, message) => {
    const ended = await cp(...args.slice(0, -2), image, ...args.slice(-2));
    expect(ended).toMatchObject({ status, stdout: '' });
    if (typeof message === 'string') expect(ended.stderr).toBe(`layerslayer: ${message}\n`);
    else expect(ended.stderr).toMatch(message);
    expect(readdirSync(place.scratch)).not.toContain('new');
  });

  it('copies one layer’s own tree', async () => {
    expect(await cp('-q', '--layer', '1', image, '/app/old', 'old')).toMatchObject({ status: 0 });
    expect(await cp('-q', '--layer', '2', image, '/', 'two')).toMatchObject({ status: 0 });
    expect([text('old'), readdirSync(path('two')).sort()]).toEqual(['old', ['app', 'top']]);
  });

  it('makes devices and fifos as root, and leaves holes as they are', async () => {
    expect(await cp('-q', image, '/special', 'special')).toMatchObject({ status: 0, stderr: '' });
    expect(await shown('stat -c "%F %t:%T %a" special/fifo special/null')).toBe(
      'fifo 0:0 640\ncharacter special file 1:3 600\n',
    );
    expect(await cp('-q', image, '/sparse', 'sparse')).toMatchObject({ status: 0 });
    const { size, blocks } = lstatSync(path('sparse'));
    expect([size, blocks < 1000]).toEqual([2_000_000_000, true]);
    expect(await shown('tail -c +1000000001 sparse | head -c 513 | tr "\\0" 0')).toBe(`${'x'.repeat(512)}0`);
  });

  it('writes nothing outside of DEST, whatever the image has', async () => {
    const outside = place.directory('outside');
    mkdirSync(path('in'));
    expect(await cp('-q', hostile, '/', 'in/dest')).toMatchObject({ status: 0 });
    expect(await cp('-q', '--force', hostile, '/.', 'in/dest')).toMatchObject({ status: 0 });
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(path('in'))).toEqual(['dest']);
    expect(readdirSync(path('in/dest')).sort()).toEqual(['climb', 'd', 'up']);
    // A symlink that is there already is not followed either.
    mkdirSync(path('in/two'));
    await run('ln', ['-s', outside, path('in/two/d')]);
    expect(await cp('--force', hostile, '/d', 'in/two')).toMatchObject({
      status: 17,
      stderr: `layerslayer: ${path('in/two/d')} is a symlink, which is not followed\n`,
    });
    expect(readdirSync(outside)).toEqual([]);
  });

  it('writes no controls of a name to a terminal', async () => {
    mkdirSync(path('dir'));
    const { status, stdout } = await cp(image, '/marks\u001b[31m', 'dir');
    expect(status).toBe(0);
    expect(stdout).toContain('/marks\\x1b[31m (1 file, 5 B) in ');
    expect(stdout).not.toContain('\u001b');
  });

  it('tells programs what it wrote, from an archive too', async () => {
    const archive = writeArchive(path('a.tar'), dockerArchiveFiles([{ layers: [base, top], tags: ['a:1'] }]));
    const { status, stdout } = await cp('--json', `docker-archive:${archive}`, '/app', 'new');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      reference: `docker-archive:${archive}`,
      digest: expect.stringMatching(/^sha256:/),
      path: '/app',
      files: 3,
      size: 8,
      output: path('new'),
      verified: true,
      bytesFetched: 0,
      elapsedMs: expect.any(Number),
    });
  });

  it('copies from a registry', async () => {
    const registry = await startRegistry();
    try {
      await pushImage(registry, 'app:latest', { layers: [base, top] });
      expect(await cp('-q', `${registry.host}/app`, '/app/run', 'new')).toMatchObject({ status: 0 });
      expect(text('new')).toBe('run');
    } finally {
      await registry.stop();
    }
  });

  it('writes a file to what is no regular file, which stays as it is', async () => {
    const shell = (script: string) =>
      run('bash', ['-c', script, 'bash', ...place.program, 'cp', '--force', image], {
        cwd: place.scratch,
        env: place.env,
      });
    await run('mkfifo', [path('fifo')]);
    await run('mknod', [path('nul'), 'c', '1', '3']);
    const { stdout } = await shell(
      '"$@" /top nul && "$@" /top /dev/stdout | cat && (cat fifo & "$@" /top fifo; wait) && stat -c " %F" nul fifo',
    );
    expect(stdout).toBe('toptop character special file\n fifo\n');
    expect(
      (await shell('"$@" /large/noise /dev/stdout | head -c 10 | wc -c; echo "$PIPESTATUS"')).stdout,
    ).toBe('10\n0\n');
    expect(await cp('--force', image, '/app', 'nul')).toMatchObject({
      status: 17,
      stderr: "layerslayer: nul is no directory and no file: it takes only a file's content\n",
    });
    expect(await cp('--force', image, '/app/link', 'nul')).toMatchObject({ status: 17 });
    mkdirSync(path('to'));
    await run('mkfifo', [path('to/top')]);
    expect(await cp('--force', image, '/top', 'to')).toMatchObject({
      status: 17,
      stderr: expect.stringMatching(/to\/top is a device, fifo or socket, which is not replaced\n$/),
    });
  });

  it('follows a DEST that is a symlink', async () => {
    mkdirSync(path('real'));
    symlinkSync('real/new', path('to-new'));
    expect(await cp('-q', image, '/top', 'to-new')).toMatchObject({ status: 0, stderr: '' });
    expect([text('real/new'), lstatSync(path('to-new')).isSymbolicLink()]).toEqual(['top', true]);
    expect(await cp('-q', '--force', image, '/app/run', 'to-new')).toMatchObject({ status: 0 });
    expect([text('real/new'), lstatSync(path('to-new')).isSymbolicLink()]).toEqual(['run', true]);
  });

  it('reports ten faults of a kind, and the number of the others; for programs all', async () => {
    const many = new LayoutBuilder();
    const files = Array.from({ length: 25 }, (_, i) => file(`f${i}`));
    const copied = `oci:${writeDirectory(path('many'), many.top([named(many.image([tarOf(...files)]), 'latest')]))}`;
    mkdirSync(path('to'));
    expect(await cp('-q', copied, '/.', 'to')).toMatchObject({ status: 0 });
    const { status, stderr } = await cp('-q', copied, '/.', 'to');
    const shown = stderr.trimEnd().split('\n');
    expect([status, shown.length, shown.at(-1)]).toEqual([
      17,
      11,
      '15 more: is there already: --force replaces it',
    ]);
    expect((await cp('--json', copied, '/.', 'to')).stderr.trimEnd().split('\n')).toHaveLength(25);
    const carve = () =>
      place.layerslayer(['carve', '-q', '-r', '-o', 'to', copied, '/'], { cwd: place.scratch });
    expect((await carve()).stderr.trimEnd().split('\n')).toEqual(shown);
  });

  it('leaves no half of a file on a full disk', async () => {
    const disk = place.directory('disk');
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const ended = await cp(image, '/large', join(disk, 'out'));
      expect(ended).toMatchObject({ status: 17, stdout: '' });
      expect(ended.stderr).toBe(`layerslayer: writing ${disk}/out/noise: no space left on device\n`);
      expect(await shown('find disk -type f')).toBe('');
    } finally {
      await run('umount', [disk]);
    }
  });

  it('reports damaged files, and copies the others', async () => {
    const builder = new LayoutBuilder();
    const layout = builder.top([named(builder.image([base]), 'latest')]);
    const damagedImage = `oci:${writeDirectory(path('damaged'), layout)}`;
    expect(await cp('-q', damagedImage, '/app', 'first')).toMatchObject({ status: 0 });
    const blob = join(path('damaged/blobs/sha256'), sha256(base).slice('sha256:'.length));
    const damaged = Buffer.from(base);
    damaged.fill(0x55, 2_000_000, 2_001_000); // of large/noise
    writeFileSync(blob, damaged);
    const ended = await cp(damagedImage, '/large', 'new');
    expect(ended.status).toBe(14);
    expect(ended.stderr).toMatch(/^layerslayer: \/\S+\/new\/noise: .*bytes are not those of the digest/);
    expect([readdirSync(path('new')), text('new/small')]).toEqual([['small'], 'small']);
  });

  it('ends quietly when the reader of the tar ends', async () => {
    const script = '"$@" | head -c 1000 >/dev/null; echo "$PIPESTATUS"';
    const words = [...place.program, 'cp', image, '/', '-'];
    const ended = await attempt('bash', ['-c', script, 'bash', ...words], { env: place.env });
    expect(ended).toMatchObject({ stdout: '0\n', stderr: '' });
  });
});

describe('cp of an ordinary user', () => {
  let user: Workplace;
  beforeAll(async () => {
    user = await ordinaryWorkplace();
    await run('chmod', ['-R', 'a+rX', images.scratch]);
  });
  afterAll(() => user.cleanUp());
  const copy = (...args: string[]) => user.layerslayer(['cp', ...args], { cwd: user.scratch });

  it('leaves devices out, and says that capabilities are not kept', async () => {
    const special = await copy(image, '/special', 'new');
    expect(special.status).toBe(16);
    expect(special.stderr).toBe(
      `layerslayer: "${user.scratch}/new/null" is a character device: not extracted\n`,
    );
    expect(readdirSync(join(user.scratch, 'new')).sort()).toEqual(['fifo', 'plain']);
    expect(lstatSync(join(user.scratch, 'new/plain')).uid).toBe(NOBODY);
    expect(await copy('-q', image, '/cap', 'cap')).toMatchObject({
      status: 0,
      stderr: '1 extended attribute not kept: security.capability: operation not permitted\n',
    });
  });

  it('can not keep owners', async () => {
    expect(await copy('-a', image, '/app', 'owned')).toMatchObject({
      status: 17,
      stdout: '',
      stderr: `layerslayer: keeping owners needs root: /app is of 0:0, this user is ${NOBODY}:${NOBODY}\n`,
    });
    expect(existsSync(join(user.scratch, 'owned'))).toBe(false);
  });
});
