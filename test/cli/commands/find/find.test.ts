import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attempt } from '../../../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { char, dir, fifo, file, hardlink, symlink, tarOf, whiteout } from '../../../support/tar.js';

const base = tarOf(
  dir('etc/', { mode: 0o755, mtime: 1_600_000_000 }),
  file('etc/ca.pem', 'x'.repeat(1000), { mtime: 1_600_000_000 }),
  file('etc/.key.PEM', 'x'.repeat(1024), { mtime: 1_700_000_000.5 }),
  file('etc/sudo', 'x'.repeat(2000), { mode: 0o4755 }),
  hardlink('etc/sudoedit', 'etc/sudo'),
  symlink('etc/link.pem', 'ca.pem'),
  char('dev/null', 1, 3),
  fifo('run/pipe'),
  file('evil\x1b[2J\n.pem', ''),
  file(Buffer.from('\xff\xe9.pem', 'latin1'), ''),
  dir('old/'),
  file('old/id_rsa', 'secret'),
);
const top = tarOf(dir('etc/', { mode: 0o700 }), file('etc/ca.pem', 'new'), whiteout('old'));

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const many = tarOf(
    ...Array.from({ length: 20_000 }, (_, i) => file(`some/directory/with-a-name/file-${i}`)),
  );
  writeDirectory(
    join(place.scratch, 'img'),
    layout.top([
      named(layout.image([base, top]), 'app'),
      named(layout.image([base]), 'base'),
      named(layout.image([many]), 'many'),
    ]),
  );
});
afterEach(() => place.cleanUp());

const find = (...words: string[]) => place.layerslayer(['find', ...words], { cwd: place.scratch });
/** `find … | reader`, with the status of find. */
const piped = (reader: string, ...words: string[]) =>
  attempt('bash', ['-c', `set -o pipefail; "$@" | ${reader}`, 'bash', ...place.program, 'find', ...words], {
    env: place.env,
    cwd: place.scratch,
  });
const lines = (text: string) => text.split('\n').slice(0, -1);
/** `layer state path`, without the image. */
const rows = async (...words: string[]) =>
  lines((await find(...words)).stdout).map((line) => line.trim().split(/ +/).slice(1).join(' '));
const records = async (...words: string[]) =>
  lines((await find('--json', ...words)).stdout).map((line) => JSON.parse(line));
const paths = async (...words: string[]) => (await records(...words)).map(({ path }) => path);

describe('find', () => {
  it('lists what the image shows, then what it hides, with layer and state', async () => {
    expect(await rows('*.pem', 'oci:img:app')).toEqual([
      '2 live /etc/ca.pem',
      '1 live /etc/link.pem',
      '1 live /evil\\x1b[2J\\x0a.pem',
      '1 live /\\xff\\xe9.pem',
      '1 overridden /etc/ca.pem (replaced in layer 2)',
    ]);
    const { stdout } = await find('id_rsa', 'oci:img:app', 'oci:img:base');
    const reference = (tag: string) => `oci:${place.scratch}/img:${tag}`;
    expect(lines(stdout)).toEqual([
      `${reference('app')}       1  deleted     /old/id_rsa  (hidden by whiteout in layer 2)`,
      `${reference('base')}      1  live        /old/id_rsa`,
    ]);
  });

  it('has image and entry in each line of JSON', async () => {
    const [record] = await records('--deleted', 'id_rsa', 'oci:img:app');
    expect(record).toEqual({
      image: {
        reference: `oci:${place.scratch}/img:app`,
        digest: expect.stringMatching(/^sha256:/),
        platform: expect.stringMatching(/^linux\//),
      },
      layer: 1,
      layerDigest: expect.stringMatching(/^sha256:/),
      state: 'deleted',
      hiddenBy: 2,
      how: 'whiteout',
      path: '/old/id_rsa',
      kind: 'file',
      mode: '0644',
      uid: 0,
      gid: 0,
      size: 6,
      mtime: expect.any(Number),
    });
  });

  it('takes options as find(1) has them, and refuses wrong ones before any work', async () => {
    const image = 'oci:img:base';
    expect(await paths('--size', '-1k', '/etc/*', image)).toEqual(['/etc/ca.pem']);
    expect(await paths('--regex', '-i', 'KEY\\.p', image)).toEqual(['/etc/.key.PEM']);
    expect(await paths('--layer', '1', 'ca.pem', 'oci:img:app')).toEqual(['/etc/ca.pem']);
    expect(await find('--regex', '(a', image)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/not a regular expression of RE2/),
    });
    expect(await find('--layer', '3', 'x', 'oci:img:app')).toMatchObject({ status: 10, stdout: '' });
  });

  it('prints only paths, byte for byte, with NUL behind each, with -0', async () => {
    const { status, stdout } = await piped('base64 -w0', '-0', '*.pem', 'oci:img:base');
    expect(status).toBe(0);
    const names = ['/etc/ca.pem', '/etc/link.pem', '/evil\x1b[2J\n.pem', '/\xff\xe9.pem', ''];
    expect(Buffer.from(stdout, 'base64').toString('latin1')).toBe(names.join('\0'));
  });

  it('ends with 1 and says nothing where nothing is found', async () => {
    expect(await find('nothing', 'oci:img:app')).toMatchObject({ status: 1, stdout: '', stderr: '' });
    expect(await find('nothing')).toMatchObject({ status: 1, stdout: '', stderr: '' });
  });

  it('searches the other images after one that fails, whose status counts', async () => {
    const { status, stdout, stderr } = await find('-q', 'id_rsa', 'oci:img:none', 'oci:img:base');
    expect(status).toBe(10);
    expect(stdout).toContain('live        /old/id_rsa');
    expect(stderr).toMatch(/img:none/);
  });

  it('ends quietly when its reader has ended', async () => {
    const { status, stdout, stderr } = await piped('head -2', 'file-*', 'oci:img:many');
    expect({ status, stderr, count: lines(stdout).length }).toEqual({ status: 0, stderr: '', count: 2 });
  });
});

describe('find without IMAGE', () => {
  const indexes = () =>
    readdirSync(place.cache, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes('/index/') && path.includes('sha256'))
      .map((path) => join(place.cache, path))
      .filter((path) => statSync(path).isFile());

  it('says so where no image was opened', async () => {
    const { status, stdout, stderr } = await find('x');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/no image was opened yet/);
  });

  it('searches all images of the cache, which need not be there any more', async () => {
    await find('-q', 'x', 'oci:img:app', 'oci:img:base');
    rmSync(join(place.scratch, 'img'), { recursive: true });
    const found = await records('id_rsa');
    expect(found.map(({ image, state }) => `${image.reference.split(':').at(-1)} ${state}`)).toEqual([
      'base live',
      'app deleted',
    ]);
    expect(await paths('--layer', '2', '*.pem')).toEqual(['/etc/ca.pem']);
    expect(await paths('--platform', 'linux/riscv64', '*')).toEqual([]);
  });

  it('leaves out images whose indexes are gone or damaged, and says how many', async () => {
    await find('-q', 'x', 'oci:img:app', 'oci:img:base', 'oci:img:many');
    const [small] = indexes().sort((a, b) => statSync(a).size - statSync(b).size);
    truncateSync(small!, statSync(small!).size >> 1);
    const { status, stdout, stderr } = await find('id_rsa');
    expect({ status, rows: lines(stdout).length }).toEqual({ status: 0, rows: 1 });
    expect(stderr).toBe('1 of 3 images are not fully indexed: name them to index them\n');
    for (const path of indexes()) rmSync(path);
    expect(await find('id_rsa')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: '3 of 3 images are not fully indexed: name them to index them\n',
    });
  });
});
