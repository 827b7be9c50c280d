import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { joinPath, type Resolved, resolvePath, splitPath } from '#src/overlay/resolve-path.js';
import type { Tree } from '#src/overlay/tree.js';
import { UpperLayers } from '#src/overlay/upper-layers/upper-layers.js';
import { dir, entriesOf, file, hardlink, opaque, symlink, whiteout } from '../../support/entries.js';
import { askedPath, stack } from '../random-layers.js';
import type { Stack } from '../trees.js';

const path = (text: string) => splitPath(Buffer.from(text));

/** The layers of a stack from number `from` on. */
function layersFrom(layers: Stack, from: number) {
  return layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 })).slice(from - 1);
}

function upper(layers: Stack, from: number): UpperLayers {
  return new UpperLayers(layersFrom(layers, from), from === 1);
}

/** What it comes to, comparable; a directory's entry may be a lower layer's. */
function told(
  resolved: Resolved,
  kindOf: (inode: number) => string,
  rowOf: (inode: number) => string,
): string {
  const where = joinPath(resolved.names).toString('latin1');
  switch (resolved.kind) {
    case 'found': {
      const kind = kindOf(resolved.inode);
      return kind === 'dir' ? `dir ${where}` : `${kind} ${rowOf(resolved.inode)} ${where}`;
    }
    case 'missing':
      return `missing ${where} ${Buffer.from(resolved.name)} ${resolved.rest.map(String)}`;
    default:
      return `${resolved.kind} ${where}`;
  }
}

function toldOfTree(tree: Tree, asked: readonly Uint8Array[]): string {
  return told(
    resolvePath(tree, asked),
    (inode) => tree.kind(inode),
    (inode) => `${tree.layerOf(inode)}:${tree.rowOf(inode)}`,
  );
}

/** What the upper layers say for certain, undefined when lower layers have a say. */
function certain(view: UpperLayers, asked: readonly Uint8Array[]): string | undefined {
  const resolved = view.resolve(asked);
  if (resolved.kind === 'missing' && view.isOpen(resolved)) return undefined;
  return told(
    resolved,
    (inode) => view.kind(inode),
    (inode) => {
      const { layer, row } = view.entryOf(inode);
      return `${layer.number}:${row}`;
    },
  );
}

describe('UpperLayers', () => {
  const cases: { name: string; layers: Stack; asked: string; from: number; says: string | undefined }[] = [
    {
      name: 'a file of the top layer',
      layers: [[], [file('etc/a')]],
      asked: '/etc/a',
      from: 2,
      says: 'file 2:0 /etc/a',
    },
    {
      name: 'a file that lower layers may have',
      layers: [[file('etc/a')], [file('etc/b')]],
      asked: '/etc/a',
      from: 2,
      says: undefined,
    },
    {
      name: 'a whiteout',
      layers: [[file('etc/a')], [whiteout('etc/a'), dir('etc/')]],
      asked: '/etc/a',
      from: 2,
      says: 'missing /etc a ',
    },
    {
      name: 'a whiteout of a parent',
      layers: [[file('etc/a')], [whiteout('etc'), dir('b/')]],
      asked: '/etc/a',
      from: 2,
      says: 'missing / etc a',
    },
    {
      name: 'an opaque directory',
      layers: [[file('etc/a')], [opaque('etc'), file('etc/b')]],
      asked: '/etc/a',
      from: 2,
      says: 'missing /etc a ',
    },
    {
      name: 'an opaque root',
      layers: [[file('etc/a')], [opaque('')]],
      asked: '/etc/a',
      from: 2,
      says: 'missing / etc a',
    },
    {
      name: 'a whiteout between',
      layers: [[file('a')], [whiteout('a')], [file('b')]],
      asked: '/a',
      from: 2,
      says: 'missing / a ',
    },
    {
      name: 'a file that replaces a directory',
      layers: [[file('etc/a')], [file('etc')]],
      asked: '/etc/a',
      from: 2,
      says: 'no-directory /etc',
    },
    {
      name: 'a directory that came after a file of its layer',
      layers: [[file('etc/a')], [file('etc'), dir('etc/')]],
      asked: '/etc/a',
      from: 2,
      says: 'missing /etc a ',
    },
    {
      name: 'a symlink to an upper file',
      layers: [[], [symlink('a', 'b/c'), file('b/c')]],
      asked: '/a',
      from: 2,
      says: 'file 2:1 /b/c',
    },
    {
      name: 'a symlink to what lower layers may have',
      layers: [[file('b/c')], [symlink('a', 'b/c')]],
      asked: '/a',
      from: 2,
      says: undefined,
    },
    {
      name: 'a parent that is a lower symlink',
      layers: [[symlink('lib', 'usr/lib')], [file('lib/x')]],
      asked: '/lib/x',
      from: 2,
      says: 'file 2:0 /lib/x',
    },
    {
      name: 'a loop',
      layers: [[], [symlink('a', 'b'), symlink('b', 'a')]],
      asked: '/a',
      from: 2,
      says: 'loop /a',
    },
    {
      name: 'a hard link in its own layer',
      layers: [[], [file('a'), hardlink('b', 'a')]],
      asked: '/b',
      from: 2,
      says: 'file 2:0 /b',
    },
    {
      name: 'a hard link to a lower layer',
      layers: [[file('a')], [file('b'), hardlink('b', 'a')]],
      asked: '/b',
      from: 2,
      says: undefined,
    },
    {
      name: 'a marker asked for by name',
      layers: [[file('a')], [whiteout('a')]],
      asked: '/.wh.a',
      from: 2,
      says: 'missing / .wh.a ',
    },
    {
      name: 'a hard link to nothing in the lowest layer',
      layers: [[hardlink('b', 'a')]],
      asked: '/b',
      from: 1,
      says: 'missing / b ',
    },
  ];
  it.each(cases)('knows $name', ({ layers, asked, from, says }) => {
    expect(certain(upper(layers, from), path(asked))).toBe(says);
  });

  it('says nothing that the whole image would not say, whatever the lower layers have', () => {
    let said = 0;
    fc.assert(
      fc.property(
        stack,
        fc.nat(3),
        fc.nat(10),
        fc.array(askedPath, { minLength: 1, maxLength: 4 }),
        (layers, cut, rows, paths) => {
          const from = 1 + (cut % layers.length);
          // The lowest known layer was read no further than this.
          const read = layers.map((entries, i) => (i === from - 1 ? entries.slice(0, rows) : entries));
          const view = upper(read, from);
          const whole = mergeLayers(layersFrom(read, 1));
          for (const asked of paths) {
            const says = certain(view, asked);
            if (says === undefined) continue;
            if (from > 1) said++;
            expect(says).toBe(toldOfTree(whole, asked));
          }
        },
      ),
      { numRuns: 5000 },
    );
    expect(said).toBeGreaterThan(300);
  });

  it('says what the merge of all layers says, when it knows them all', () => {
    fc.assert(
      fc.property(stack, fc.array(askedPath, { minLength: 1, maxLength: 4 }), (layers, paths) => {
        const whole = mergeLayers(layersFrom(layers, 1));
        const view = upper(layers, 1);
        for (const asked of paths) expect(certain(view, asked)).toBe(toldOfTree(whole, asked));
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves open only what a file of a lower layer would answer', () => {
    let open = 0;
    fc.assert(
      fc.property(stack, askedPath, (layers, asked) => {
        const view = new UpperLayers(layersFrom([[], ...layers], 2), false);
        const resolved = view.resolve(asked);
        if (!view.isCertain || resolved.kind !== 'missing') return;
        const at = [...resolved.names, resolved.name];
        const lower = { entries: entriesOf(file(joinPath(at))), number: 1 };
        const whole = mergeLayers([lower, ...layersFrom([[], ...layers], 2)]);
        const found = resolvePath(whole, at);
        const isFound =
          found.kind === 'found' && whole.layerOf(found.inode) === 1 && whole.rowOf(found.inode) === 0;
        expect(view.isOpen(resolved)).toBe(isFound);
        if (isFound) open++;
      }),
      { numRuns: 2000 },
    );
    expect(open).toBeGreaterThan(100);
  });

  it('says the same when the lowest layer is read row by row', () => {
    fc.assert(
      fc.property(stack, fc.array(fc.nat(10), { maxLength: 4 }), askedPath, (layers, steps, asked) => {
        const [lowest, ...others] = layersFrom(layers, 1);
        const read = (rows: number) => entriesOf(...layers[0]!.slice(0, rows));
        const view = new UpperLayers([{ ...lowest!, entries: read(0) }, ...others], false);
        if (!view.isCertain) return;
        let rows = 0;
        for (const step of steps) {
          rows += step;
          view.extend(read(rows));
          const anew = new UpperLayers([{ ...lowest!, entries: read(rows) }, ...others], false);
          expect(certain(view, asked)).toBe(certain(anew, asked));
          expect(view.isCertain).toBe(anew.isCertain);
          if (!view.isCertain) return;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
