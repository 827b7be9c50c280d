import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerArchiveFiles, writeArchive } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { sha256 } from '../support/registry.js';
import { dir, file, symlink, tarOf, whiteout } from '../support/tar.js';

/** The examples of the first tool's README, run; the image is an archive, so that nothing else is needed. */
const place = new Workplace();
const LAYERS = [
  tarOf(dir('etc/'), file('etc/passwd', 'root:x:0:0\n'), file('etc/gone', 'x')),
  tarOf(whiteout('etc/gone'), symlink('etc/link', 'passwd')),
];
const IMAGE = 'docker-archive:image.tar';

beforeAll(() => {
  writeArchive(join(place.scratch, 'image.tar'), dockerArchiveFiles([{ layers: LAYERS, tags: ['app:1'] }]));
});
afterAll(() => place.cleanUp());

const run = (...words: string[]) => place.layerslayer(words, { cwd: place.scratch });
const at = (...names: string[]) => join(place.scratch, ...names);

describe('the first tool’s spelling', () => {
  it.each([
    [['--peek-all'], ['peek', IMAGE]],
    [
      ['--peek-layer', 'all'],
      ['peek', IMAGE],
    ],
    [['--peek-layer=1'], ['peek', '--layer', '2', IMAGE]],
    [
      ['--peek-all', '--simple-output'],
      ['peek', '--simple', IMAGE],
    ],
    [['--bulk-peek'], ['peek', '--merged', IMAGE]],
    [
      ['--bulk-peek', '--json'],
      ['peek', '--merged', '--json', IMAGE],
    ],
  ])('%j lists what %j lists', async (flags, words) => {
    const [old, now] = [await run('-t', IMAGE, ...flags), await run(...words)];
    expect(old.status).toBe(0);
    expect(old.stdout).toContain('passwd');
    expect(old.stdout).toBe(now.stdout);
  });

  it('carves, again and again, to ./carved or elsewhere', async () => {
    for (const content of ['', 'what was there\n']) {
      if (content !== '') writeFileSync(at('carved/etc/passwd'), content);
      const { status, stdout } = await run('--target-image', IMAGE, '--carve-file', '/etc/passwd');
      expect([status, stdout]).toEqual([0, expect.stringMatching(/^FOUND \/etc\/passwd /)]);
      expect(readFileSync(at('carved/etc/passwd'), 'utf8')).toBe('root:x:0:0\n');
    }
    expect((await run('-t', IMAGE, '-f', '/etc/link', '-o', './output', '-q')).status).toBe(0);
    expect(readFileSync(at('output/etc/link'), 'utf8')).toBe('root:x:0:0\n');
    expect((await run('-t', IMAGE, '-f', '/etc/gone')).status).toBe(10);
  });

  it('saves every layer, and tees to -l', async () => {
    const { status, stdout } = await run('-t', IMAGE, '--save-all', '-o', 'saved', '-l', 'save.log');
    expect(status).toBe(0);
    const saved = readdirSync(at('saved'), { recursive: true, encoding: 'utf8' });
    for (const layer of LAYERS)
      expect(saved.some((path) => path.endsWith(`sha256_${sha256(layer).slice(7)}.tar`))).toBe(true);
    expect(readFileSync(at('save.log'), 'utf8')).toContain(stdout.trim().split('\n').at(-1));
  });

  it('says what it does not do as the first tool did, on the screen and in the log', async () => {
    const note = '--peek-layer 0 is --layer 1: layers are counted from 1 now\n';
    const { stderr } = await run('-t', IMAGE, '--peek-layer', '0', '-l', 'peek.log');
    expect(stderr).toBe(note);
    expect(readFileSync(at('peek.log'), 'utf8').startsWith(note)).toBe(true);
  });

  it.each([
    [['-t', IMAGE, '--peek-layer', '2'], 10, ''],
    [['--peek-all'], 2, '--peek-all wants an image: -t IMAGE'],
    [['--peek-all', '--json'], 2, '{"error":{"code":"INVALID_ARGUMENT","message":"--peek-all wants an image'],
    [['-t', 'UPPER', '--peek-all'], 2, 'must be lower case'],
  ])('%j ends with %d', async (words, status, message) => {
    const ended = await run(...words);
    expect([ended.status, ended.stdout]).toEqual([status, '']);
    expect(ended.stderr).toContain(message);
  });

  it('uses token.txt for Docker Hub only, and says so', async () => {
    writeFileSync(at('token.txt'), 'abc.def\n');
    const note = 'using the token in token.txt of this directory, for docker.io\n';
    // A proxy that is not there: nothing leaves this machine.
    const env = { HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };
    const hub = await place.layerslayer(['-t', 'ubuntu:24.04', '--peek-all'], { cwd: place.scratch, env });
    expect([hub.status, hub.stderr.startsWith(note)]).toEqual([13, true]);
    expect(hub.stderr).not.toContain('abc.def');
    expect((await run('-t', IMAGE, '--peek-all')).stderr).toBe('');
    rmSync(at('token.txt'));
  });
});
