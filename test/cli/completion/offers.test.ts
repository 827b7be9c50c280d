import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '#src/cli/command-table.js';
import { expandHome } from '#src/cli/completion/expand-home.js';
import { spellings } from '#src/cli/completion/image-offers.js';
import { layoutTags } from '#src/cli/completion/layout-tags.js';
import { localOffers } from '#src/cli/completion/local-offers.js';
import { spelledAs } from '#src/cli/completion/mountpoint-offers.js';
import { withoutUnsafe } from '#src/cli/completion/offers.js';
import { offersFor } from '#src/cli/completion/offers-for.js';

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-offers-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const place = { cwd: directory, env: { LAYERSLAYER_CACHE_DIR: join(directory, 'none') }, uid: 0 };

async function offered(line: string) {
  const words = line.split(' ');
  const { candidates, files } = await offersFor({ before: words.slice(0, -1), word: words.at(-1)! }, place);
  return [candidates.map(({ text }) => text), files];
}

const PLACES = ['oci:', 'oci-archive:', 'docker-archive:'];

describe('what is offered', () => {
  it.each<[string, string[], string?]>([
    ['--v', ['--version']],
    ['umount --', ['--all', '--lazy', '--quiet', '--verbose', '--log-file', '--json', '--help']],
    ['umount --all --l', ['--lazy', '--log-file']],
    ['umount --lazy -q --log-file x --', ['--all', '--verbose', '--json', '--help']],
    ['peek --layer 1 --la', ['--layer']],
    ['mount --layer ', []],
    ['mount --username ', []],
    ['mount --token-file ', [], 'file'],
    ['mount --cache-dir=', [], 'directory'],
    ['save -o', ['-o']],
    ['save -o ', [], 'file'],
    ['save --format oci ', [], 'directory'],
    ['save --format ', ['docker-archive', 'oci-archive', 'oci']],
    ['save --format docker-archive ', PLACES],
    ['save --format oci --f', ['--force']],
    ['mount ', PLACES],
    ['nginx ', [], 'directory'],
    ['mount nginx ', [], 'directory'],
    ['mount nginx dir ', []],
    ['--index none mount nginx ', [], 'directory'],
    ['inspect oci:', [], 'directory'],
    ['inspect oci-archive:x', [], 'file'],
    ['index ', ['ls', 'rm', ...PLACES]],
    ['index x ', PLACES],
    ['peek ', PLACES],
    ['peek nginx ', []],
    ['mounts ', []],
    ['cache ', ['ls', 'prune', 'clear', 'rm']],
    ['cache ls ', PLACES],
    ['help m', ['mount', 'mounts']],
    ['help mount ', []],
    ['completion ', ['bash', 'zsh', 'fish']],
  ])('after %j', async (line, candidates, files) => {
    expect(await offered(line)).toEqual([candidates, files]);
  });

  it('is declared for each argument, and each option with a value of known words', () => {
    for (const { name, positionals, arguments: specs } of COMMANDS) {
      expect(specs.length > 0, name).toBe(positionals.max > 0);
    }
    const options = COMMANDS.flatMap(({ options }) => Object.entries(options));
    for (const [name, spec] of options as [string, { value?: string; choices?: readonly string[] }][]) {
      if (spec.value?.includes('|') && spec.value === spec.value.toLowerCase())
        expect(spec.choices?.join('|'), name).toBe(spec.value);
    }
  });

  it('has no control character, mark of direction, or byte that is not UTF-8', () => {
    const texts = ['a', 'b\n', 'c\x1b', 'd\x9b', 'e\u202e', 'f\udcff', '\u00e9\ud83d\ude00'];
    const candidates = texts.map((text) => ({ text }));
    const { candidates: safe } = withoutUnsafe({ prefix: '', candidates });
    expect(safe.map(({ text }) => text)).toEqual(['a', '\u00e9\ud83d\ude00']);
    expect(withoutUnsafe({ prefix: 'x\n', candidates, files: 'file' })).toEqual({
      prefix: '',
      candidates: [],
    });
  });
});

describe('a reference', () => {
  it.each([
    ['', 'docker.io/library/nginx:1', 'nginx:1'],
    ['ng', 'docker.io/library/nginx:1', 'nginx:1'],
    ['docker.io/', 'docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
    ['docker://', 'docker.io/library/nginx:1', 'docker://nginx:1'],
    ['docker://docker.io/l', 'docker.io/library/nginx:1', 'docker://docker.io/library/nginx:1'],
    ['', 'docker.io/team/app:1', 'team/app:1'],
    ['', 'docker.io/team.x/app:1', 'docker.io/team.x/app:1'],
    ['', 'ghcr.io/o/r:1', 'ghcr.io/o/r:1'],
    ['', 'oci:/x:1', undefined],
    ['', 'no reference', undefined],
    ['d', 'docker.io/library/debian:1', 'debian:1'],
    ['d', 'docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
  ])('for %j: %s is %s', (word, reference, wanted) => {
    expect(spellings(word, reference)).toEqual(wanted === undefined ? [] : [wanted]);
  });
});

describe('a mountpoint', () => {
  it.each([
    ['', '/a/b/c', '/a/b/c'],
    ['/a', '/a/b/c', '/a/b/c'],
    ['b', '/a/b/c', 'b/c'],
    ['./b', '/a/b/c', './b/c'],
    ['../x/', '/x/..y', '../x/..y'],
    ['../', '/x', '../x'],
    ['b', '/x', undefined],
    ['b', '/a', undefined],
    ['~/', '/home/me/x y', '~/x y'],
    ['~/', '/x', undefined],
    ['~/../', '/home/you', '~/../you'],
  ])('for %j: %s is %s', (word, mountpoint, wanted) => {
    expect(spelledAs(word, mountpoint, { cwd: '/a', env: { HOME: '/home/me' } })).toBe(wanted);
  });
});

describe('a layout', () => {
  const layout = (index: string) => {
    const path = mkdtempSync(join(directory, 'layout-'));
    writeFileSync(join(path, 'index.json'), index);
    return `oci:${path}`;
  };
  const named = (name: unknown) => ({ annotations: { 'org.opencontainers.image.ref.name': name } });

  it('has the tags of its index.json', () => {
    const manifests = [named('1'), named(2), {}, 'x', { annotations: null }, named('b c')];
    expect(layoutTags(layout(JSON.stringify({ manifests })), '/')).toEqual(['1', 'b c']);
    expect(layoutTags('oci:missing', directory)).toEqual([]);
  });

  it('that is no layout has none, or fails quietly', () => {
    expect(layoutTags(layout('{}'), '/')).toEqual([]);
    expect(() => layoutTags(layout('damaged'), '/')).toThrow();
    mkdirSync(join(directory, 'odd/index.json'), { recursive: true });
    expect(layoutTags('oci:odd', directory)).toEqual([]);
  });
});

it('files are offered after a prefix', () => {
  mkdirSync(join(directory, 'files/a dir'), { recursive: true });
  for (const name of ['a file', '.hidden', 'b']) writeFileSync(join(directory, 'files', name), '');
  const texts = (word: string, files: 'file' | 'directory') =>
    localOffers(word, { prefix: '-l', candidates: [], files }, place)
      .candidates.map(({ text }) => text)
      .sort();
  expect(texts('-lfiles/', 'file')).toEqual(['files/a dir/', 'files/a file', 'files/b']);
  expect(texts('-lfiles/a', 'directory')).toEqual(['files/a dir/']);
  expect(texts('-lfiles/.', 'file')).toEqual(['files/.hidden']);
});

it('the home directory is expanded at the start only', () => {
  const env = { HOME: '/home/me' };
  expect(['~/x', '~', '~you', 'a/~/x'].map((text) => expandHome(text, env))).toEqual([
    '/home/me/x',
    '/home/me',
    '~you',
    'a/~/x',
  ]);
  expect(expandHome('~/x', {})).toBe('~/x');
});
