import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '#src/base/errors.js';
import type { CommandDeclaration } from '#src/cli/command-declaration.js';
import { COMMANDS } from '#src/cli/command-table.js';
import { INDEX_TRUSTS } from '#src/cli/options/index-trust.js';
import { builtProgram } from '../../setup/programs.js';
import { attempt } from '../../support/child.js';

const commands: readonly CommandDeclaration[] = COMMANDS;
const NAMES = [
  'layerslayer',
  ...commands.flatMap(({ name, aliases = [] }) => [name, ...aliases].map((one) => `layerslayer-${one}`)),
];
const pageOf = ({ name }: { name: string }) => join(directory, `layerslayer-${name}.1`);
let directory: string;
let manifest: { version: string; man: string[] };

beforeAll(() => {
  const root = join(dirname(builtProgram()), '../..');
  directory = join(root, 'dist/man');
  manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
});

/** A page as a terminal shows it, in wide lines and without overstriking. */
async function shown(path: string): Promise<string> {
  const { status, stdout } = await attempt('mandoc', ['-T', 'utf8', '-O', 'width=900', path]);
  expect(status).toBe(0);
  return Buffer.from(stdout, 'latin1').toString().replaceAll(/.\x08/gu, '');
}

it('are one of the program and one a command and alias, which package.json lists', () => {
  const files = NAMES.map((name) => `${name}.1`).sort();
  expect(readdirSync(directory).sort()).toEqual(files);
  expect(manifest.man).toEqual(files.map((file) => `dist/man/${file}`));
});

it.each(NAMES)('%s has no fault that mandoc or groff finds', async (name) => {
  const path = join(directory, `${name}.1`);
  const lint = await attempt('mandoc', ['-T', 'lint', path]);
  expect(lint.stdout + lint.stderr).toBe('');
  const groff = await attempt('groff', ['-man', '-Tutf8', '-ww', path]);
  expect([groff.status, groff.stderr]).toEqual([0, '']);
});

describe.each(commands)('the page of $name', (command) => {
  it('has each option, as it is typed', async () => {
    const page = await shown(pageOf(command));
    for (const [name, { short, value, ifBare, summary }] of Object.entries(command.options)) {
      const given = ifBare === undefined ? ` ${value}` : `[=${value}]`;
      const suffix = value === undefined ? '' : given;
      const names = [...(short === undefined ? [] : [`-${short}${suffix}`]), `--${name}${suffix}`];
      expect(page).toContain(` ${names.join(', ')}`);
      expect(page).toContain(summary.replaceAll('`', ''));
    }
  });

  it('has the synopsis, the description and the examples, character by character', async () => {
    const page = await shown(pageOf(command));
    expect(page).toContain(` layerslayer ${command.synopsis}\n`);
    for (const word of command.description.split(/\s+/)) expect(page).toContain(word.replaceAll('`', ''));
    const lines = page.split('\n').map((line) => line.trim());
    expect(lines).toEqual(expect.arrayContaining([...command.examples]));
    expect(page).toContain(`layerslayer ${manifest.version}`);
  });
});

/** Variables that the code reads, by `env.NAME`, or by a name in a file that has `env[name]`. */
function variablesInCode(): Set<string> {
  const root = join(dirname(builtProgram()), '../../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const codes = new Set<string>(ERROR_CODES);
  const found = files.flatMap((name) => {
    const text = readFileSync(join(root, name), 'utf8');
    const direct = [...text.matchAll(/\benv(?:ironment)?\.([A-Z][A-Z_]*)\b/g)];
    const byName = /\benv(?:ironment)?\[/.test(text) ? [...text.matchAll(/'([A-Z]+_[A-Z_]+)'/g)] : [];
    return [...direct, ...byName].map(([, variable]) => variable!);
  });
  return new Set(found.filter((name) => !codes.has(name)));
}

it('the page of the program has each variable that the code reads, and no other', async () => {
  const page = await shown(join(directory, 'layerslayer.1'));
  const section = /^ENVIRONMENT\n(.*?)^[A-Z]/ms.exec(page)![1]!;
  const listed = [...section.matchAll(/^ {7}([A-Z][A-Z_, ]*?)(?: {2,}| [A-Z][a-z]|$)/gm)];
  const names = listed.flatMap(([, heads]) => heads!.split(', '));
  expect(names.sort()).toEqual([...variablesInCode()].sort());
});

it('the page of mount has what a user of mount(8) looks for', async () => {
  const page = await shown(join(directory, 'layerslayer-mount.1'));
  for (const text of [
    '/etc/fuse.conf',
    '.local/state/layerslayer',
    'fuse.layerslayer  ro,noauto',
    'fuse3',
    'layerslayer.created_by',
    '--verify-later',
  ])
    expect(page).toContain(text);
  for (const word of INDEX_TRUSTS) expect(page).toMatch(new RegExp(`^ {14}${word}( +\\S|$)`, 'm'));
});

it('the page of a command has what its options read', async () => {
  const page = await shown(join(directory, 'layerslayer-cache.1'));
  expect(page).toContain('LAYERSLAYER_CACHE_DIR');
  expect(page).not.toContain('DOCKER_CONFIG');
  expect(page).not.toContain('NO_COLOR');
});

it('the page of the program has all commands, and each exit status', async () => {
  const page = await shown(join(directory, 'layerslayer.1'));
  for (const { name, summary } of commands) {
    expect(page).toContain(summary);
    expect(page).toContain(`layerslayer-${name}(1)`);
  }
  for (const status of [0, 2, 10, 11, 12, 13, 14, 15, 16, 17, 20, 70, 130])
    expect(page).toMatch(new RegExp(`^ +${status} `, 'm'));
});
