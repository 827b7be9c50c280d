import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isText, unifiedDiff } from '#src/image/compare/unified-diff.js';
import { attempt, run } from '../../support/child.js';

const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-unified-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const NAMES = { from: 'a/f', to: 'b/f' };
const write = (name: string, latin1: string) => {
  writeFileSync(join(scratch, name), Buffer.from(latin1, 'latin1'));
  return join(scratch, name);
};

const line = fc.constantFrom('a', 'b', 'c', '', '+', '-x', '\\ No newline', 'é\xff', 'r\r', '@@ -1 +1 @@');
const text = fc
  .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
  .map(([lines, ends]) => lines.join('\n') + (ends && lines.length > 0 ? '\n' : ''));
/** Another text, mostly by few changes. */
const pair = fc
  .tuple(text, fc.array(fc.tuple(fc.nat(30), fc.nat(2), line), { maxLength: 4 }), fc.boolean())
  .map(([old, edits, loses]): [string, string] => {
    const lines = old.split('\n');
    for (const [at, removed, added] of edits) lines.splice(at, removed, added);
    const changed = lines.join('\n');
    return [old, loses ? changed.replace(/\n$/, '') : changed];
  });

describe('a unified diff', () => {
  it('is that of diff -u, if few lines differ', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}\n`);
    const changed = lines.with(3, 'three\n').toSpliced(20, 1).toSpliced(30, 0, 'new\n', 'more\n');
    const [old, other] = [lines.join(''), changed.join('').slice(0, -1)];
    const gnu = await attempt('diff', [
      '-u',
      '--label',
      'a/f',
      '--label',
      'b/f',
      write('old', old),
      write('new', other),
    ]);
    expect(gnu.status).toBe(1);
    expect(unifiedDiff(old, other, NAMES)).toBe(gnu.stdout);
  });

  it.each([
    ['the shortest', {}],
    ['one hunk past the limit', { editsMax: 0 }],
    ['one hunk past the time', { searchMs: -1 }],
  ])('is what patch takes from one text to the other: %s', async (_, limits) => {
    await fc.assert(
      fc.asyncProperty(pair, async ([old, other]) => {
        fc.pre(old !== other);
        const path = write('patched', old);
        const patch = write('patch', unifiedDiff(old, other, NAMES, limits));
        await run('patch', ['-s', '--binary', '--posix', path, patch]);
        expect(readFileSync(path, 'latin1')).toBe(other);
      }),
      { numRuns: 60 },
    );
  });

  it('of hostile texts ends soon, within little memory', () => {
    const hostile = (salt: number) =>
      Array.from({ length: 300_000 }, (_, i) => `${(i * i * salt) % 7}\n`).join('');
    const before = process.memoryUsage().heapUsed;
    const began = performance.now();
    const diff = unifiedDiff(hostile(3), hostile(5), NAMES);
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(400 * 1024 ** 2);
    expect(diff.length).toBeGreaterThan(1_000_000);
  });
});

it('is made of text only: files without NUL', () => {
  expect([isText(Buffer.from('a\xff\n', 'latin1')), isText(Buffer.of(97, 0)), isText(Buffer.of())]).toEqual([
    true,
    false,
    true,
  ]);
});
