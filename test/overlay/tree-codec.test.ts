import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '#src/oci/digest.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import type { NumberedLayer } from '#src/overlay/tree.js';
import { decodeTree, digestsOfTree, encodeTree } from '#src/overlay/tree-codec.js';
import { dir, entriesOf, file, hardlink, symlink, type TestEntry } from '../support/entries.js';
import { sha256 } from '../support/registry.js';
import { checkTree, listing, type Stack, walk } from './trees.js';

const path = fc
  .array(fc.constantFrom('a', 'b', 'c', '.wh.a', '.wh..wh..opq', '..'), { minLength: 1, maxLength: 4 })
  .map((names) => names.join('/'));
const entry: fc.Arbitrary<TestEntry> = fc.oneof(
  path.map((name) => file(name, name)),
  path.map((name) => dir(`${name}/`)),
  // Names out of a link's target lie in no layer's heap.
  fc.tuple(path, fc.constantFrom('new/place', '../elsewhere', 'a/b')).map(([name, to]) => symlink(name, to)),
  fc.tuple(path, path).map(([name, target]) => hardlink(name, target)),
);
const stacks: fc.Arbitrary<Stack> = fc.array(fc.array(entry, { maxLength: 12 }), { maxLength: 4 });

function layersOf(stack: Stack): NumberedLayer[] {
  return stack.map((entries, i) => ({ entries: entriesOf(...entries), number: 2 * i + 1 }));
}

function encoded(stack: Stack) {
  const warnings: string[] = [];
  const tree = mergeLayers(layersOf(stack), { onWarning: (message) => warnings.push(message) });
  return { tree, warnings, bytes: encodeTree(tree, layersOf(stack), warnings) };
}

describe('a kept tree', () => {
  it('is the tree that was merged', () => {
    fc.assert(
      fc.property(stacks, (stack) => {
        const { tree, warnings, bytes } = encoded(stack);
        const kept = decodeTree(bytes.slice(), layersOf(stack));
        expect(kept.warnings).toEqual(warnings);
        checkTree(kept.tree);
        expect(walk(kept.tree)).toEqual(walk(tree));
        expect(kept.tree.blocks).toBe(tree.blocks);
        for (let inode = 1; inode <= tree.inodeCount; inode++) {
          expect([kept.tree.layerOf(inode), kept.tree.rowOf(inode)]).toEqual([
            tree.layerOf(inode),
            tree.rowOf(inode),
          ]);
          expect(kept.tree.nlink(inode)).toBe(tree.nlink(inode));
          expect(kept.tree.parentOf(inode)).toBe(tree.parentOf(inode));
        }
      }),
      { numRuns: 500 },
    );
  });

  const stack: Stack = [
    [dir('d/'), file('d/one', '1'), symlink('l', 'made/here')],
    [file('l/two', '2'), file('d/.wh.one', '')],
  ];

  it('names the layers that it was merged from, in its header', () => {
    const digests = ['a', 'b'].map((name) => sha256(name) as Digest);
    const layers = layersOf(stack).map((layer, i) => ({ ...layer, layer: { digest: digests[i]! } }));
    const bytes = encodeTree(mergeLayers(layers, { onWarning() {} }), layers, []);
    const read = (from: Uint8Array) => (offset: number, length: number) =>
      from.subarray(offset, offset + length);
    expect(digestsOfTree(read(bytes))).toEqual(digests);
    expect(decodeTree(bytes.slice(), layersOf(stack)).warnings).toEqual([]);
    for (const other of [encoded(stack).bytes, bytes.subarray(0, 60), bytes.subarray(1), new Uint8Array()])
      expect(digestsOfTree(read(other))).toBeUndefined();
  });

  it('has the contents of its layers', () => {
    const { bytes } = encoded(stack);
    const renumbered = layersOf(stack);
    const { tree } = decodeTree(bytes, renumbered);
    const numbered = [stack[0]!, [], stack[1]!]; // layers 1 and 3
    expect(listing({ tree, warnings: [], stack: numbered })).toEqual(['d/', 'l/', 'l/two=2']);
  });

  it('is refused when any bit of it is another, or any byte missing', () => {
    const { bytes } = encoded(stack);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(() => decodeTree(damaged, layersOf(stack)), `bit in byte ${at}`).toThrow('not as written');
      expect(() => decodeTree(bytes.slice(0, at), layersOf(stack)), `cut at ${at}`).toThrow('not as written');
    }
  });

  it.each<[string, NumberedLayer[]]>([
    ['fewer layers', layersOf(stack).slice(1)],
    ['other numbers', layersOf(stack).map((layer) => ({ ...layer, number: layer.number + 1 }))],
    ['more entries', layersOf([stack[0]!, [...stack[1]!, file('more', '')]])],
    ['other paths', layersOf([[dir('d/'), file('d/seven', '1'), symlink('l', 'made/here')], stack[1]!])],
  ])('is refused beside %s', (_, layers) => {
    expect(() => decodeTree(encoded(stack).bytes, layers)).toThrow('its layers');
  });
});
