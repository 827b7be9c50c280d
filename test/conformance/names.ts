import { expect, test } from 'vitest';
import { attempt } from '../support/child.js';
import { dir, file, symlink } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

/** Valid UTF-8, and all that breaks programs which take names for words. */
const UTF8_NAMES = [
  'new\nline',
  'back\\slash',
  ' blanks ',
  '-rf',
  '"quotes\'',
  '\u00e9', // one letter, composed and
  'e\u0301', // decomposed: two names
  'Case',
  'case',
  '\u{1f600}',
  '\u{10ffff}',
  '\ufeff',
  '\u0001\u001b[0m\u007f',
  '%s%n',
  '__proto__',
  '*',
  '...',
  `${'ü'.repeat(127)}x`,
];

/** Not UTF-8: stray and cut sequences, overlong forms, surrogates, latin1, and the longest. */
const RAW_NAMES = ['ff01', 'c328', 'e282', 'c0af', 'eda080', 'f4908080', '66fc72', 'fe0a', 'ee'.repeat(255)];

const hexOf = (name: string) => Buffer.from(name).toString('hex');
const path = (folder: string, hex: string) =>
  Buffer.concat([Buffer.from(`names/${folder}/`), Buffer.from(hex, 'hex')]);
const RAW_TARGET = Buffer.from('../raw/\xff\x01\n', 'latin1');

export const names: Subject = {
  name: 'names',
  isCopied: true,
  members: () => [
    dir('names/'),
    dir('names/utf8/'),
    ...UTF8_NAMES.map(hexOf).map((hex) => file(path('utf8', hex), `content of ${hex}`)),
    dir('names/raw/'),
    ...RAW_NAMES.map((hex) => file(path('raw', hex), `content of ${hex}`)),
    dir('names/directories/'),
    dir(path('directories', 'ff')),
    file(path('directories', 'ff2fff'), 'deep'),
    dir('names/links/'),
    symlink('names/links/raw', RAW_TARGET),
    symlink(path('links', 'ff'), 'raw'),
  ],
  tests(scene) {
    test('of UTF-8 are listed as they are, in order, found and read', () =>
      listedFoundAndRead(scene, 'utf8', UTF8_NAMES.map(hexOf)));

    test('that only look like one that is there are not there', async () => {
      const wanted = [
        'CASE',
        'E\u0301',
        'e',
        'new',
        'new\nline ',
        'newline',
        '__proto',
        'constructor',
        '....',
      ];
      const told = await elsewhere(
        ({ fs, errorOf }, at, all) => all.map((name) => errorOf(() => fs.lstatSync(`${at}/${name}`))),
        scene.at('names/utf8'),
        wanted,
      );
      expect(told).toEqual(wanted.map(() => 'ENOENT'));
    });

    scene.carried('nonUtf8Names', 'of any bytes are listed as they are, in order, found and read', () =>
      listedFoundAndRead(scene, 'raw', RAW_NAMES),
    );

    scene.carried('nonUtf8Names', 'of any bytes lead through directories and links', async () => {
      const told = await elsewhere(({ fs, Buffer: bytes, errorOf }, at) => {
        const rawPath = (hex: string) => bytes.concat([bytes.from(`${at}/`), bytes.from(hex, 'hex')]);
        const in_ = (folder: string, hex: string) =>
          bytes.concat([bytes.from(`${at}/${folder}/`), bytes.from(hex, 'hex')]);
        return [
          fs.readFileSync(in_('directories', 'ff2fff'), 'latin1'),
          fs.readlinkSync(`${at}/links/raw`, 'buffer').toString('hex'),
          fs.readlinkSync(in_('links', 'ff'), 'latin1'),
          errorOf(() => fs.lstatSync(in_('raw', 'ff02'))),
          errorOf(() => fs.lstatSync(rawPath('ff'))),
        ];
      }, scene.at('names'));
      expect(told).toEqual(['deep', RAW_TARGET.toString('hex'), 'raw', 'ENOENT', 'ENOENT']);
    });

    test('of any bytes do no harm to a walk: what can be named is listed', async () => {
      const { stdout } = await attempt('find', [
        scene.at('names/utf8'),
        scene.at('names/links/raw'),
        '-print0',
      ]);
      expect(stdout.split('\0').filter(Boolean)).toHaveLength(UTF8_NAMES.length + 2);
      const listed = await elsewhere(({ fs }, at) => fs.readdirSync(at).length, scene.at('names/raw'));
      expect(listed).toBe(scene.capabilities.nonUtf8Names ? RAW_NAMES.length : 0);
    });

    scene.carried('nonUtf8Names', 'are the same to diff', async () => {
      const ended = await attempt('diff', [
        '-r',
        '--no-dereference',
        `${scene.copy}/names`,
        scene.at('names'),
      ]);
      expect(ended).toMatchObject({ status: 0, stdout: '', stderr: '' });
    });
  },
};

async function listedFoundAndRead(scene: Scene, folder: string, wanted: readonly string[]): Promise<void> {
  const told = await elsewhere(
    ({ fs, Buffer: bytes }, at) => {
      const directory = fs.opendirSync(at, { encoding: 'buffer' as BufferEncoding }); // readdirSync would sort
      const found: { hex: string; isFile: boolean; content: string }[] = [];
      for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
        const name = entry.name as unknown as Buffer;
        const content = fs.readFileSync(bytes.concat([bytes.from(`${at}/`), name]), 'latin1');
        found.push({ hex: name.toString('hex'), isFile: entry.isFile(), content });
      }
      return found;
    },
    scene.at(`names/${folder}`),
  );
  expect(told).toEqual(wanted.map((hex) => ({ hex, isFile: true, content: `content of ${hex}` })));
}
