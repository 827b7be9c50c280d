import { describe, expect, it } from 'vitest';
import { changeTexts, sumChanges } from '#src/web/views/compare/change-texts.js';
import { leafRows } from '#src/web/views/hidden/hidden-groups.js';
import { upperLayers } from '#src/web/views/parts/upper-layers.js';
import { usageTree } from '#src/web/views/treemap/usage-tree.js';

describe('the tree of sizes', () => {
  const rows = [
    { path: '/usr', layer: 1, bytes: 60, entries: 9 },
    { path: '/usr/lib', layer: 1, bytes: 50, entries: 7 },
    { path: '/usr', layer: 2, bytes: 20, entries: 3 },
    { path: '/usr/bin', layer: 2, bytes: 20, entries: 3 },
    { path: '/etc', layer: 2, bytes: 5, entries: 2 },
  ];

  it('sums up layers, and keeps the one with most bytes', () => {
    const root = usageTree(rows, '/', { totalBytes: 100 });
    expect(root.children.map(({ path, bytes, layer }) => [path, bytes, layer])).toEqual([
      ['/usr', 80, 1],
      ['/etc', 5, 2],
      ['/', 15, 0],
    ]);
    expect(root.children[0]!.children.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['lib', 50],
      ['bin', 20],
      ['smaller ones', 10],
    ]);
  });

  it('takes no rows of other directories', () => {
    const ofLayer = usageTree([{ path: '/a', bytes: 9, entries: 1 }], '/', { layer: 4 });
    expect(ofLayer.children.map(({ layer }) => layer)).toEqual([4]);
    expect(usageTree([...rows, { path: '/usrx', bytes: 9, entries: 1 }], '/usr').children.length).toBe(3);
  });
});

describe('hidden paths', () => {
  it('without one below are files', () => {
    const row = (path: string, layer = 1) => ({
      path,
      layer,
      hiddenBy: 3,
      how: 'whiteout' as const,
      bytes: 1,
      entries: 1,
    });
    const rows = [row('/'), row('/var'), row('/var/a'), row('/var/b'), row('/var', 2)];
    expect(leafRows(rows)).toEqual([row('/var/a'), row('/var/b'), row('/var', 2)]);
  });
});

describe('differences', () => {
  const side = { layer: 1, kind: 'file', mode: '0644', uid: 0, gid: 0, size: 10, mtime: 0 } as const;

  it('say what was and what is', () => {
    const to = { ...side, mode: '0755', size: 12, uid: 5 };
    const fields = ['mode', 'owner', 'size', 'content', 'constructor'];
    expect(changeTexts({ path: '/a', change: 'changed', fields, from: side, to })).toEqual([
      'mode 0644 → 0755',
      'owner 0:0 → 5:0',
      'size 10 B → 12 B',
      'content',
      'constructor',
    ]);
  });

  it('are counted by kind', () => {
    const sums = sumChanges([
      { path: '/a', change: 'added', fields: [], from: null, to: side },
      { path: '/b', change: 'removed', fields: [], from: side, to: null },
      { path: '/c', change: 'changed', fields: ['size'], from: side, to: { ...side, size: 4 } },
      { path: '/d', change: 'error', fields: [], from: side, to: side },
    ]);
    expect(sums).toEqual({
      count: { added: 1, removed: 1, changed: 1, error: 1 },
      bytes: { added: 10, removed: 10, changed: -6 },
    });
  });
});

describe('badges of layers', () => {
  const to = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
  it.each([
    [[3], [3]],
    [to(4), [1, 2, 3, 4]],
    [to(5), [3, 4, 5]],
    [
      [1, 2, 3, 4, 5, 12],
      [4, 5, 12],
    ],
    [to(12), [11, 12]],
    [to(127), [127]],
  ])('are as many as fit: $1', (layers, expected) => expect(upperLayers(layers, 108)).toEqual(expected));
  it('has one in the narrowest row', () => expect(upperLayers(to(127), 20)).toEqual([127]));
});
