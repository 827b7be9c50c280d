import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noise } from '../blob/bytes.js';
import { LayoutBuilder, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { file, tarOf } from '../support/tar.js';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  // Larger than one read: `carve` does not reach the layer's end.
  const layer = gzipSync(tarOf(file('a', 'one\n'), file('noise', noise(2_000_000))));
  writeDirectory(join(place.scratch, 'img'), layout.top([layout.image([layer])]));
});
afterEach(() => place.cleanUp());

const quietly = (...words: string[]) => place.layerslayer([...words, '-q'], { cwd: place.scratch });
const NOTHING = { status: 0, stdout: '', stderr: '' };

it('mount, unmount, save, carve to files and cache clear print nothing', async () => {
  const mountpoint = place.directory('m');
  expect(await quietly('mount', 'oci:img', mountpoint)).toMatchObject(NOTHING);
  expect((await quietly('mounts')).stdout).toContain(mountpoint);
  expect(await quietly('unmount', mountpoint)).toMatchObject(NOTHING);
  expect(await quietly('save', 'oci:img')).toMatchObject(NOTHING);
  expect(await quietly('save', 'oci:img', '--format', 'oci', 'layout')).toMatchObject(NOTHING);
  expect(await quietly('carve', 'oci:img', 'a')).toMatchObject(NOTHING);
  expect(readFileSync(join(place.scratch, 'carved/a'), 'utf8')).toBe('one\n');
  expect(await quietly('cache', 'clear')).toMatchObject(NOTHING);
});

it('requested results and "not verified" are printed', async () => {
  const unverified = /^not verified: \S+ KiB of 1\.9 MiB read\n$/;
  const bytes = await quietly('carve', '-o', '-', 'oci:img', 'a');
  expect(bytes).toMatchObject({ status: 0, stdout: 'one\n', stderr: expect.stringMatching(unverified) });
  const json = await quietly('carve', '--json', 'oci:img', 'a');
  expect(json).toMatchObject({ status: 0, stderr: expect.stringMatching(unverified) });
  expect(JSON.parse(json.stdout)).toMatchObject({ path: 'a', verified: false });
  const part = await quietly('peek', '--head', '4KiB', 'oci:img');
  expect(part).toMatchObject({ status: 0, stdout: expect.stringContaining(' /a\n') });
  expect(part.stderr).toMatch(/^layer 1: partial: /);
  const saved = await quietly('save', '--json', 'oci:img');
  expect(JSON.parse(saved.stdout)).toMatchObject({ layers: [{ state: expect.any(String) }] });
});

it('errors are printed, and everything goes to the log file', async () => {
  const failed = await quietly('save', 'oci:nowhere', '-l=7');
  expect([failed.status, failed.stdout]).toEqual([10, '']);
  expect(failed.stderr).toMatch(/^layerslayer: .*nowhere is no OCI layout/);
  expect(readFileSync(join(place.scratch, '7'), 'utf8')).toBe(failed.stderr);
});

it('the first tool’s notes are omitted too', async () => {
  const ended = await place.layerslayer(['-t', 'oci:img', '-qf', 'a', '--chunk-size=1'], {
    cwd: place.scratch,
  });
  expect(ended).toMatchObject({
    status: 0,
    stdout: '',
    stderr: expect.stringMatching(/^not verified: .*\n$/),
  });
});

it.each([
  ['-o', 'x.tar'],
  ['-o', 'x.tar.gz'],
  ['--output', 'X.TGZ'],
  ['-o', '-'],
  ['--format', 'oci', 'x.tar'],
])('save %s %s is rejected as a directory', async (...words) => {
  const ended = await place.layerslayer(['save', 'oci:img', ...words], { cwd: place.scratch });
  expect([ended.status, ended.stdout]).toEqual([2, '']);
  expect(ended.stderr).toMatch(
    /^layerslayer: save writes a directory here, not an archive: got (\S+); for one use --format docker-archive -o \1\n$/,
  );
  expect(existsSync(join(place.scratch, words.at(-1)!))).toBe(false);
});

it('save accepts an existing directory of any name', async () => {
  place.directory('x.tar');
  expect(await quietly('save', 'oci:img', '-o', 'x.tar')).toMatchObject(NOTHING);
});
