import { describe, expect, it } from 'vitest';
import type { Listing, MoreRow, Row, TreeNode } from '#src/web/model/tree.js';
import { keyAction, Typing, typedRow } from '#src/web/model/tree-keys.js';

const LISTING = {} as Listing;

function node(name: string, more: Partial<TreeNode> = {}): TreeNode {
  const entry = { kind: 'file' } as TreeNode['entry'];
  const place = { path: `/${name}`, depth: 0, parent: undefined, siblings: LISTING, position: 0 };
  return { entry, name, ...place, isExpanded: false, listing: undefined, ...more };
}

const bin = node('bin', { isExpanded: true });
const bash = node('bash', { parent: bin, depth: 1 });
const more: MoreRow = { more: LISTING, depth: 1 };
const boot = node('Boot');
const etc = node('etc');
const rows: Row[] = [bin, bash, more, boot, etc];

describe('a key in a tree', () => {
  const isExpandable = (one: TreeNode) => one === bin || one === boot;
  it.each([
    ['ArrowDown', bin, { kind: 'move', to: 1 }],
    ['ArrowDown', etc, { kind: 'move', to: 4 }],
    ['ArrowUp', bin, { kind: 'move', to: 0 }],
    ['ArrowUp', etc, { kind: 'move', to: 3 }],
    ['PageDown', bin, { kind: 'move', to: 3 }],
    ['PageUp', etc, { kind: 'move', to: 1 }],
    ['Home', etc, { kind: 'move', to: 0 }],
    ['End', bin, { kind: 'move', to: 4 }],
    ['ArrowRight', bin, { kind: 'move', to: 1 }],
    ['ArrowRight', boot, { kind: 'expand' }],
    ['ArrowRight', etc, undefined],
    ['ArrowLeft', bin, { kind: 'collapse' }],
    ['ArrowLeft', bash, { kind: 'move', to: 0 }],
    ['ArrowLeft', boot, undefined],
    ['Enter', etc, { kind: 'open' }],
    ['Tab', etc, undefined],
  ])('%s at $name', (key, at, expected) => {
    const context = { rows, active: rows.indexOf(at), pageRows: 3, isExpandable };
    expect(keyAction(key, context)).toEqual(expected);
  });
});

describe('typed letters', () => {
  it.each([
    ['b', bin, bash],
    ['b', bash, boot],
    ['b', boot, bin],
    ['bb', bash, boot],
    ['bo', bin, boot],
    ['bi', bin, bin],
    ['e', etc, etc],
  ])('%s leads on from $name', (typed, from, to) => {
    expect(typedRow(rows, rows.indexOf(from), typed)).toBe(rows.indexOf(to));
  });

  it('find nothing', () => expect(typedRow(rows, 0, 'zz')).toBe(-1));

  it('begin again after a pause, and after another key', () => {
    const typing = new Typing();
    expect(typing.add('E', 0)).toBe('e');
    expect(typing.add('t', 500)).toBe('et');
    expect(typing.isUnderWay(1_000)).toBe(true);
    expect(typing.isUnderWay(1_301)).toBe(false);
    expect(typing.add('b', 1_301)).toBe('b');
    typing.end();
    expect(typing.isUnderWay(1_302)).toBe(false);
    expect(typing.add('c', 1_303)).toBe('c');
  });
});
