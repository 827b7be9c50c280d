import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { builtProgram } from '../setup/programs.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/command-reference.mjs', import.meta.url));
const PAGE = fileURLToPath(new URL('../../src/cli/COMMANDS.md', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-reference-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

builtProgram(); // the script imports its modules
const reference = (...args: string[]) => spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });

it('is what the commands say', () => {
  expect(reference('--check')).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(PAGE, 'utf8')).toMatch(
    /\n## mount\n.*\n\| `--foreground`, `-f` \|.*\n## completion\n/s,
  );
});

it('that is stale, or missing, fails', () => {
  const page = join(directory, 'new', 'COMMANDS.md');
  const stale = { status: 1, stderr: `${page} is not what the commands say: npm run reference\n` };
  expect(reference('--check', page)).toMatchObject(stale);
  expect(reference(page).status).toBe(0);
  expect(reference('--check', page).status).toBe(0);
  appendFileSync(page, 'by hand');
  expect(reference('--check', page)).toMatchObject(stale);
});
