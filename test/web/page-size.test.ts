import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { builtProgram } from '../setup/programs.js';

/** Bytes of the explorer, gzipped: all that a browser may ever load of it. */
const ALL_MAX = 150_000;

/** Bytes that each visit loads first: the page, its program and its styles. */
const FIRST_MAX = 60_000;

const WEB = join(dirname(builtProgram()), '../web');

const files = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((name) => !name.endsWith('.map') && statSync(join(WEB, name)).isFile())
  .map((name) => ({ name, size: gzipSync(readFileSync(join(WEB, name))).length }));

const sum = (some: typeof files) => some.reduce((total, { size }) => total + size, 0);

it('the explorer has at most 150 KB in all, and 60 KB at first', () => {
  const first = files.filter(({ name }) => /index\.html$|assets\/app-/.test(name));
  expect(first.length).toBe(3);
  expect(sum(first)).toBeLessThan(FIRST_MAX);
  expect(files.length).toBeGreaterThan(first.length);
  expect(sum(files)).toBeLessThan(ALL_MAX);
});
