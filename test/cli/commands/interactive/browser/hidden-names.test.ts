import { describe, expect, it } from 'vitest';
import { file, whiteout } from '../../../../support/entries.js';
import { browsedTree } from './trees.js';

/** What may be done in a second, on a slow machine. Squares of the sizes below take minutes. */
const ENOUGH_MS = 15_000;

function shownIn(paths: readonly string[], removed: readonly string[]) {
  const tree = browsedTree([paths.map((path) => file(path, '')), removed.map((path) => whiteout(path))]);
  const began = performance.now();
  tree.setHidden(true);
  return { hidden: tree.hidden!, elapsedMs: performance.now() - began };
}

describe('hidden names', () => {
  it('in many directories that no entry names take linear time', () => {
    const directories = Array.from({ length: 20_000 }, (_, i) => `d/${i}`);
    const { hidden, elapsedMs } = shownIn(
      directories.map((path) => `${path}/x`),
      ['d'],
    );
    expect(hidden.count).toBe(20_000);
    expect(hidden.in([Buffer.from('d')])).toHaveLength(20_000);
    expect(elapsedMs).toBeLessThan(ENOUGH_MS);
  });

  it('deep below the root take linear time', () => {
    const deep = Array<string>(1000).fill('b');
    const tops = Array.from({ length: 20 }, (_, i) => String(i));
    const { hidden, elapsedMs } = shownIn(
      tops.map((top) => [top, ...deep, 'x'].join('/')),
      tops,
    );
    const below = [tops[7]!, ...deep].map((name) => Buffer.from(name));
    expect(hidden.in(below.slice(0, -1))).toHaveLength(1); // a directory that no entry names
    expect(Buffer.from(hidden.name(hidden.in(below)[0]!)).toString()).toBe('x');
    expect([...hidden.groups()].at(-1)!.names.length).toBeGreaterThan(0);
    expect(elapsedMs).toBeLessThan(ENOUGH_MS);
  });
});
