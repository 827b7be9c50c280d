import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathComponents } from '#src/overlay/path-components.js';

describe('the components of a path', () => {
  const name = fc.constantFrom('a', 'bc', '.', '..', '', '...', 'é');
  const paths = fc.array(name, { maxLength: 8 }).map((names) => Buffer.from(names.join('/')));

  it('are those of the cleaned path, and so is its key', () => {
    const path = new PathComponents();
    fc.assert(
      fc.property(paths, fc.nat(9), (bytes, at) => {
        const heap = Buffer.concat([Buffer.from('x/y/z/////'.slice(0, at)), bytes, Buffer.from('/w')]);
        path.parse(heap, at, at + bytes.length);
        const want = posix.join('/', bytes.toString()).split('/').filter(Boolean);
        const views = Array.from({ length: path.count }, (_, i) => Buffer.from(path.view(i)).toString());
        expect(views).toEqual(want);
        for (let count = 0; count <= path.count; count++) {
          expect(Buffer.from(path.key(count), 'latin1').toString()).toBe(want.slice(0, count).join('/'));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
