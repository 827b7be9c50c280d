import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/plain-english.mjs', import.meta.url));
const PENDING = 'scripts/plain-english-pending.txt';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** Lints a tree of these files. Returns the complaints and the list that `--update` writes. */
function lint(files: Record<string, string>, ...options: string[]) {
  const root = mkdtempSync(join(tmpdir(), 'plain-english-'));
  roots.push(root);
  for (const folder of ['src', 'test', 'scripts']) mkdirSync(join(root, folder));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...options, root], { encoding: 'utf8' });
  const complaints = stderr.split('\n').filter(Boolean);
  expect(status).toBe(complaints.length === 0 ? 0 : 1);
  return { complaints, pending: () => readFileSync(join(root, PENDING), 'utf8') };
}

describe('the lint of prose', () => {
  const wide = 'x'.repeat(98);
  const table: [string, string, string[]][] = [
    ['a comment of 100 columns', `// ${wide.slice(1)}`, []],
    ['a comment of 101 columns', `// ${wide}`, ['src/a.ts:1: comment line of 101 columns']],
    ['an indented one', `  // ${wide.slice(2)}`, ['src/a.ts:1: comment line of 101 columns']],
    ['the middle of a block', `/*\n * ${wide}\n */`, ['src/a.ts:2: comment line of 101 columns']],
    ['code after a block', `/* a */\nf('${wide}');`, []],
    ['code with a comment', `f('${wide.slice(9)}'); // a`, []],
    ['columns, not UTF-16 units', `// ${'😀'.repeat(97)}`, []],
    ['an address', `// https://${wide}`, []],
    ['a word', '// who reads', ['src/a.ts:1: "who": name the thing']],
    ['a word at the start', '// Who reads', ['src/a.ts:1: "Who": name']],
    ['a word in a message', "throw new Error('who reads')", ['src/a.ts:1: "who"']],
    ['a word with an apostrophe', "// nobody's reads", ['src/a.ts:1: "nobody"']],
    ['a user', '// users who are not root', []],
    ['a quoted value', "f('nobody')", []],
    ['an identifier', 'const NOBODY = 65534;', []],
    ['a part of a word', '// whole, there, history, renewal', []],
    ['two in a line', '// goes on anew', ['src/a.ts:1: "goes on"', 'src/a.ts:1: "anew"']],
  ];
  it.each(table)('%s', (_, text, wanted) => {
    const { complaints } = lint({ 'src/a.ts': text });
    expect(complaints).toEqual(wanted.map((start) => expect.stringContaining(start)));
  });

  it('accepts the files of the list, and wants those without violations removed from it', () => {
    const list = 'src/a.ts\nsrc/b.ts\nsrc/gone.ts\n';
    const files = { 'src/a.ts': '// who', 'src/b.ts': '// plain', [PENDING]: list };
    expect(lint(files).complaints).toEqual([
      expect.stringContaining('src/b.ts has no violations left'),
      expect.stringContaining('src/gone.ts has no violations left'),
    ]);
  });

  it('writes the list', () => {
    const files = { 'src/a.ts': '// who', 'src/b.ts': '// plain', 'test/c.ts': `// ${wide}` };
    expect(lint(files, '--update').pending()).toBe('src/a.ts\ntest/c.ts\n');
  });
});
