import { describe, expect, it } from 'vitest';
import type { EntryTable } from '#src/index/entry-table.js';
import { mergeLimit } from '#src/index/pass/table-budget.js';
import { LAYERS_MAX } from '#src/oci/manifest.js';
import { MAX_ENTRIES, MAX_LINK_STEPS, MAX_PATH_DEPTH } from '#src/overlay/limits.js';
import { DIRECTORY, DraftTree } from '#src/overlay/merge/draft-tree.js';
import { LinkFollower } from '#src/overlay/merge/follow-links.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { dir, entriesOf, file, hardlink, opaque, symlink, whiteout } from '../../support/entries.js';
import { columnTable, type PlainRow } from '../column-table.js';
import { merge } from '../trees.js';

const MANY = 100_000;

// Nothing here measures time: what is quadratic by mistake runs into the test's own limit.
describe('layers made to be slow', () => {
  type Rows = [count: number, rowAt: (row: number) => PlainRow];
  const mergeRows = (...layers: Rows[]) =>
    mergeLayers(layers.map(([count, rowAt], i) => ({ entries: columnTable(count, rowAt), number: i + 1 })));

  it('10^5 names in one directory', () => {
    const tree = mergeRows([MANY, (row) => ({ kind: 'file', path: `d/${row}` })]);
    const d = tree.lookup(ROOT_INODE, Buffer.from('d'));
    expect(tree.childEnd(d) - tree.childStart(d)).toBe(MANY);
    for (const name of ['0', '99999']) expect(tree.lookup(d, Buffer.from(name))).not.toBe(0);
    expect(tree.lookup(d, Buffer.from('100000'))).toBe(0);
  });

  it('10^5 hard links to one inode, then 10^5 whiteouts of them', () => {
    const links = (row: number): PlainRow =>
      row === 0 ? { kind: 'file', path: 'f' } : { kind: 'hardlink', path: `l${row}`, target: 'f' };
    const linked = mergeRows([MANY, links]);
    expect([linked.inodeCount, linked.nlink(2)]).toEqual([2, MANY]);
    const left = mergeRows([MANY, links], [MANY - 1, (row) => ({ kind: 'file', path: `.wh.l${row + 1}` })]);
    expect([left.inodeCount, left.nlink(2)]).toEqual([2, 1]);
  });

  it('10^5 duplicates of one name, and a directory that comes and goes', () => {
    expect(mergeRows([MANY, () => ({ kind: 'file', path: 'a/b' })]).rowOf(3)).toBe(MANY - 1);
    const flips = mergeRows([
      MANY,
      (row) => (row % 2 === 0 ? { kind: 'file', path: 'a' } : { kind: 'file', path: `a/${row}` }),
    ]);
    expect(flips.inodeCount).toBe(3);
  });

  it('opaque markers over a huge directory, again and again', () => {
    const names = (row: number): PlainRow => ({ kind: 'file', path: `d/${row}` });
    const again = mergeRows(
      [MANY, names],
      [MANY, () => ({ kind: 'file', path: 'd/.wh..wh..opq' })],
      [MANY, names],
    );
    expect(again.inodeCount).toBe(MANY + 2);
    const opaqueRow = (): PlainRow => ({ kind: 'file', path: 'd/.wh..wh..opq' });
    const layers = Array.from({ length: 500 }, (): Rows => [1, opaqueRow]);
    expect(mergeRows([MANY, names], ...layers).inodeCount).toBe(2);
  });

  it('10^4 entries behind 40 symlinks', () => {
    const tree = mergeRows([
      40 + 10_000,
      (row) => {
        if (row < 40) return { kind: 'symlink', path: `l${row}`, target: row === 39 ? 'd' : `l${row + 1}` };
        return { kind: 'file', path: `l0/${row}` };
      },
    ]);
    expect(tree.nlink(ROOT_INODE)).toBe(3);
    expect(tree.inodeCount).toBe(1 + 40 + 1 + 10_000);
  });

  it('a path of as many components as the limit, walked without recursion', () => {
    const path = 'a/'.repeat(MAX_PATH_DEPTH - 1);
    const { tree } = merge([[file(`${path}f`)], [dir(path)], [whiteout(`${path}f`)]]);
    expect(tree.inodeCount).toBe(MAX_PATH_DEPTH);
  });
});

describe('limits', () => {
  const unsupported = (limit: number) =>
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining(String(limit)) });
  const tableOfLength = (length: number): EntryTable => ({ ...entriesOf(), length });

  it('layers', () => {
    const layers = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ entries: entriesOf(), number: i + 1 }));
    expect(mergeLayers(layers(LAYERS_MAX)).inodeCount).toBe(1);
    expect(() => mergeLayers(layers(LAYERS_MAX + 1))).toThrow(unsupported(LAYERS_MAX));
  });

  it('entries of all layers together', () => {
    const layers = [MAX_ENTRIES, 1].map((length, i) => ({ entries: tableOfLength(length), number: i + 1 }));
    expect(() => mergeLayers(layers)).toThrow(unsupported(MAX_ENTRIES));
  });

  it('components of a path', () => {
    const { tree, warnings } = merge([[file(`${'a/'.repeat(MAX_PATH_DEPTH)}f`), file('after')]]);
    expect(tree.inodeCount).toBe(2);
    expect(warnings).toEqual([expect.stringContaining(`the limit is ${MAX_PATH_DEPTH}`)]);
  });

  it('components of a path behind symlinks', () => {
    const deep = 'a/'.repeat(2000);
    const layer = [symlink('l', deep), symlink('l/m', deep), file('l/m/n/f'), symlink('l/m/o', deep)];
    expect(merge([layer]).tree.inodeCount).toBeGreaterThan(4000);
    const { warnings } = merge([[...layer, file('l/m/o/f'), file('after')]]);
    expect(warnings).toEqual([expect.stringContaining(`more than ${MAX_PATH_DEPTH} components`)]);
  });

  it('the length of link targets, even without components', () => {
    const links = Array.from({ length: 39 }, (_, i) => symlink(`l${i}`, `${'./'.repeat(2000)}l${i + 1}`));
    const files = Array.from({ length: 2000 }, (_, i) => file(`l0/${i}`));
    expect(() => merge([[...links, dir('l39'), ...files]])).toThrow(unsupported(MAX_LINK_STEPS));
  });

  it('memory, proportional to the layers', () => {
    const size = 5_000_000;
    const deep = Array.from({ length: 20 }, (_, i) => file(`${i}/${'a/'.repeat(1000)}f`));
    const layer = (tableBytes: number) => {
      const entries = entriesOf(...deep);
      return [{ entries: Object.assign(entries, { footprint: { blobSize: size, tableBytes } }), number: 1 }];
    };
    // 20,000 directories and their names take 1.9 MB.
    const limit = mergeLimit(size);
    expect(mergeLayers(layer(limit - 2_000_000)).inodeCount).toBe(20_041);
    expect(() => mergeLayers(layer(limit - 1_500_000))).toThrow(unsupported(1_500_000));
  });

  it('inodes, also those that paths imply', () => {
    const draft = new DraftTree([], 10);
    expect(() => {
      for (;;) draft.addInode(DIRECTORY, 1, 0);
    }).toThrow(unsupported(10));
    expect(draft.inodeCount).toBe(10);
  });

  it('components walked behind symlinks in one merge', () => {
    const draft = new DraftTree([]);
    const follower = new LinkFollower(draft, 100);
    expect(() => {
      for (;;) follower.follow([Buffer.from('a')], () => true);
    }).toThrow(unsupported(100));
  });
});

describe('columns that grow', () => {
  it('keep everything when few entries imply many directories', () => {
    const paths = Array.from({ length: 50 }, (_, i) => `${i}/${'x/'.repeat(200)}f`);
    const { tree } = merge([paths.map((path) => file(path)), [hardlink('0/l', paths[49]!), opaque('1')]]);
    expect(tree.inodeCount).toBe(1 + 50 * 202 - 201);
  });

  it('keep names that came out of link targets', () => {
    const layer = Array.from({ length: 300 }, (_, i) => [
      symlink(`l${i}`, `dir${i}/${'y'.repeat(200)}`),
      file(`l${i}/f`),
    ]);
    const { tree } = merge([layer.flat()]);
    for (let i = 0; i < 300; i++) expect(tree.lookup(ROOT_INODE, Buffer.from(`dir${i}`))).not.toBe(0);
  });
});

describe('a signal', () => {
  it('that has fired ends the merge', () => {
    const layers = [{ entries: entriesOf(file('a')), number: 1 }];
    expect(() => mergeLayers(layers, { signal: AbortSignal.abort() })).toThrow('aborted');
  });
});
