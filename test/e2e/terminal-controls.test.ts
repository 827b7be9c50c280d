import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { dir, file, symlink, tarOf, whiteout } from '../support/tar.js';

/** C1 CSI, DEL, right-to-left override, line separator, Arabic letter mark, ESC. */
const EVIL = '\x9b31m\x7f\u202egpj\u2028\u061c\x1b[2J';
const NAME = `etc/${EVIL}`;
/** Ignores tabs of scripts and line ends. */
const HARMFUL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

/** An image whose texts are all hostile, in a directory with a hostile name. */
let place: Workplace;
let image = '';
let mountpoint = '';

beforeAll(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const layers = [
    tarOf(dir('etc/'), file(NAME, 'a'), symlink('etc/link', EVIL), file(`etc/b${EVIL}`, 'b')),
    tarOf(whiteout(`etc/b${EVIL}`), file('etc/c', 'c')),
  ];
  const text = `RUN a ${EVIL}\nUSER root`;
  const described = layout.image(layers, {
    author: EVIL,
    config: { Labels: { [EVIL]: EVIL }, Env: [`A=${EVIL}`], Cmd: [EVIL], User: EVIL },
    history: [
      { created_by: text, comment: EVIL },
      { created_by: `COPY ${EVIL}` },
      { created_by: EVIL, empty_layer: true },
    ],
  });
  writeDirectory(join(place.scratch, EVIL), layout.top([named(described, 'v1')]));
  image = `oci:${join(place.scratch, EVIL)}:v1`;
  mountpoint = join(place.scratch, `mnt${EVIL}`);
  mkdirSync(mountpoint);
});
afterAll(() => place.cleanUp());

const utf8 = (text: string) => Buffer.from(text, 'latin1').toString();

it.each<[string, string[]]>([
  ['inspect', []],
  ['inspect', ['--dockerfile']],
  ['inspect', ['--json']],
  ['peek', []],
  ['peek', ['--simple']],
  ['peek', ['--merged']],
  ['peek', ['--deleted', '--verbose']],
  ['peek', ['--merged', '--json']],
  ['carve', [NAME]],
  ['carve', ['--json', NAME]],
  ['carve', [`${NAME}not there`]],
  ['carve', ['--json', '-r', `/${EVIL}`]],
  ['save', []],
  ['save', ['--json']],
  ['save', ['--layer', EVIL]],
])('%s %j shows no terminal controls', async (command, words) => {
  const log = join(place.scratch, 'log');
  const directory =
    command === 'carve' || command === 'save' ? ['-o', join(place.scratch, EVIL, 'out'), ...words] : words;
  const [options, operands] = [directory.filter((one) => one !== words.at(-1)), words.slice(-1)];
  const isOption = (operands[0] ?? '-').startsWith('-') || words.includes('--layer');
  const args = isOption ? [...directory, image] : [...options, image, ...operands];
  const force = command === 'carve' ? ['--force'] : [];
  const { stdout, stderr } = await place.layerslayer([command, ...force, '--log-file', log, ...args]);
  const shown = utf8(stdout + stderr);
  expect(shown).not.toMatch(HARMFUL);
  expect(shown).toMatch(/\\u009b|\\xc2\\{1,2}x9b/); // as text, or as text in JSON: it was there to be shown
  expect(readFileSync(log, 'utf8')).not.toMatch(HARMFUL);
  if (words.includes('--json') && stdout !== '') expect(stdout).not.toContain('\\\\u009b');
  expect(shown).not.toMatch(/^USER root/m);
});

it('a mount, its log and `mounts` show none either', async () => {
  const mounted = await place.layerslayer(['mount', image, mountpoint]);
  expect(mounted).toMatchObject({ status: 0, stderr: '' });
  const logs = join(place.scratch, 'state/layerslayer');
  const listed = await place.layerslayer(['mounts']);
  const json = await place.layerslayer(['mounts', '--json']);
  const again = await place.layerslayer(['mount', image, mountpoint]);
  const [name] = readdirSync(logs);
  const log = readFileSync(join(logs, name!), 'utf8');
  for (const text of [
    utf8(mounted.stdout),
    utf8(listed.stdout),
    utf8(json.stdout),
    utf8(again.stderr),
    log,
  ]) {
    expect(text).not.toMatch(HARMFUL);
    expect(text).toMatch(/\\u009b|\\xc2\\x9b/);
  }
  await place.unmount(mountpoint);
});

it('the cache is listed without any', async () => {
  const cache = join(place.scratch, `cache${EVIL}`);
  for (const words of [['ls'], ['ls', '--json'], ['prune'], ['clear', '--json']]) {
    const { status, stdout } = await place.layerslayer(['cache', ...words, '--cache-dir', cache]);
    expect(status).toBe(0);
    expect(utf8(stdout)).not.toMatch(HARMFUL);
    expect(stdout).toMatch(/\\u009b|\\xc2\\x9b/);
  }
});
