import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CommandDeclaration } from '#src/cli/command-declaration.js';
import { COMMANDS } from '#src/cli/command-table.js';
import { builtProgram } from '../setup/programs.js';
import { attempt } from '../support/child.js';

const commands: readonly CommandDeclaration[] = COMMANDS;
const NAMES = ['layerslayer', ...commands.map(({ name }) => `layerslayer-${name}`)];
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

it('are one of the program and one a command, which package.json lists', () => {
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
    for (const [name, { short, value, summary }] of Object.entries(command.options)) {
      const suffix = value === undefined ? '' : ` ${value}`;
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

it('the page of the program has all commands, and each exit status', async () => {
  const page = await shown(join(directory, 'layerslayer.1'));
  for (const { name, summary } of commands) {
    expect(page).toContain(summary);
    expect(page).toContain(`layerslayer-${name}(1)`);
  }
  for (const status of [0, 2, 10, 11, 12, 13, 14, 15, 16, 17, 20, 70, 130])
    expect(page).toMatch(new RegExp(`^ +${status} `, 'm'));
});
