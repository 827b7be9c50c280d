import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attempt } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { file, tarOf } from '../support/tar.js';

const LATIN = Buffer.from('latin-\xe9', 'latin1');

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const image = layout.image([tarOf(file('a', 'one\n'), file(LATIN, 'two\n'))]);
  writeDirectory(join(place.scratch, 'img'), layout.top([named(image, 'v1')]));
});
afterEach(() => place.cleanUp());

/** Runs a bash script, where `$'\351'` is a byte and `"$@"` is the command. Output is latin1. */
const shell = (script: string) =>
  attempt('bash', ['-c', `set -e\n${script}`, 'bash', ...place.program], {
    cwd: place.scratch,
    env: place.env,
  });

const names = (...path: string[]) => readdirSync(join(place.scratch, ...path), 'latin1').sort();

describe('a word that is not UTF-8', () => {
  it('is a path of the image', async () => {
    expect(await shell(`"$@" carve -o - oci:img $'/latin-\\351'`)).toMatchObject({
      status: 0,
      stdout: 'two\n',
    });
    const listed = await shell(`"$@" peek oci:img $'latin-\\351'`);
    expect(listed.stdout).toMatch(/4 B .* \/latin-\\xe9\n/);
    const missing = await shell(`"$@" carve -o - oci:img é $'/no-\\377'`);
    expect([missing.status, missing.stdout]).toEqual([2, '']);
    const gone = await shell(`"$@" carve oci:img $'/no-\\377'`);
    expect([gone.status, gone.stderr]).toEqual([10, expect.stringContaining('/no-\\xff"')]);
  });

  it('is an output directory, a layout, an archive, a log file', async () => {
    const script = `
      mv img $'img-\\351'
      tar -cf $'x-\\351.tar' -C $'img-\\351' .
      "$@" carve -l $'log-\\351' -o $'out-\\351' oci:$'img-\\351':v1 a
      "$@" save -o $'save-\\351' oci-archive:$'x-\\351.tar'
      "$@" save --format oci $'lay-\\351' oci:$'img-\\351'
      "$@" peek oci:$'lay-\\351' a`;
    const { status, stdout, stderr } = await shell(script);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('save-\\xe9/x-_.tar/latest/');
    expect(names()).toEqual(
      expect.arrayContaining(['img-\xe9', 'lay-\xe9', 'log-\xe9', 'out-\xe9', 'save-\xe9', 'x-\xe9.tar']),
    );
    expect(names().filter((name) => /\xef\xbf\xbd/.test(name))).toEqual([]);
  });

  it('is a mountpoint, and the path of a mounted image', async () => {
    const script = `
      mv img $'img-\\351'
      mkdir $'m-\\351' $'m-\\350'
      "$@" mount oci:$'img-\\351':v1 $'m-\\351'
      cat $'m-\\351/latin-\\351'
      "$@" mounts
      "$@" unmount $'m-\\351'
      rmdir $'m-\\351' # no longer a mountpoint`;
    const { status, stdout, stderr } = await shell(script);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(` on ${place.scratch}/m-\\xe9, `);
    expect(stdout).toContain('two\n');
    expect(stdout).toMatch(new RegExp(`^${place.scratch}/m-\\\\xe9 +oci:.*/img-\\\\xe9:v1 `, 'm'));
    expect(names()).toContain('m-\xe8');
    expect(names()).not.toContain('m-\xe9');
  });

  it('is part of the working directory', async () => {
    const { status, stderr } = await shell(
      `mkdir $'cwd-\\351'; mv img $'cwd-\\351'; cd $'cwd-\\351'; "$@" carve oci:img a`,
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(names()).toContain('cwd-\xe9');
    expect(names().filter((name) => name.startsWith('cwd'))).toHaveLength(1);
  });

  it('is rejected where it cannot be used', async () => {
    const cache = await shell(`"$@" peek --cache-dir $'c-\\351' oci:img`);
    expect([cache.status, cache.stderr]).toEqual([2, expect.stringContaining('c-\\xe9 is not UTF-8')]);
    expect(names()).toEqual(expect.not.arrayContaining([expect.stringMatching(/^c-/)]));
  });
});
