import fc from 'fast-check';
import { dir, file, hardlink, symlink, type TestEntry } from '../support/entries.js';
import type { Stack } from './trees.js';

// Few names, so that entries meet: a name is replaced, hidden, linked to and walked through all the time.
const plainName = fc.constantFrom('a', 'b', 'c');
const oddName = fc.constantFrom(
  '.',
  '..',
  '',
  '.wh.a',
  '.wh.b',
  '.wh..wh..opq',
  '.wh..wh.plnk',
  '.wh.',
  '.wh...',
  '.wh',
);
const anyName = fc.oneof({ weight: 9, arbitrary: plainName }, { weight: 2, arbitrary: oddName });
const path = fc.array(anyName, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const linkTarget = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom('a', 'b', 'c', '..', '.'), { minLength: 1, maxLength: 3 }))
  .map(([absolute, names]) => (absolute ? '/' : '') + names.join('/'));

export const randomEntry: fc.Arbitrary<TestEntry> = fc.oneof(
  { weight: 4, arbitrary: path.map((name) => file(name, name)) },
  { weight: 3, arbitrary: path.map((name) => dir(`${name}/`)) },
  { weight: 2, arbitrary: fc.tuple(path, linkTarget).map(([name, target]) => symlink(name, target)) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([name, target]) => hardlink(name, target)) },
);
export const stack: fc.Arbitrary<Stack> = fc.array(fc.array(randomEntry, { maxLength: 10 }), {
  minLength: 1,
  maxLength: 4,
});

/** Components of a path that somebody asks for. */
export const askedPath: fc.Arbitrary<Uint8Array[]> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: plainName },
      { weight: 1, arbitrary: fc.constantFrom('.', '..', '.wh.a') },
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((names) => names.map((name) => Buffer.from(name)));
