import { describe, expect, it } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { UpperLayers } from '#src/overlay/upper-layers/upper-layers.js';
import { dir, entriesOf, file, hardlink, type TestEntry, whiteout } from '../../support/entries.js';
import { checkTree, listing } from '../trees.js';

const MARKERS = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark'];

/** Layers base first; those with a table hide their markers. */
function merged(...stack: { entries: TestEntry[]; hides?: boolean }[]) {
  const warnings: string[] = [];
  const layers = stack.map(({ entries, hides }, i) => ({
    entries: entriesOf(...entries),
    number: i + 1,
    ...(hides !== undefined && { hidesTableMarkers: hides }),
  }));
  const tree = mergeLayers(layers, { onWarning: (message) => warnings.push(message) });
  checkTree(tree);
  return { lines: listing({ tree, warnings, stack: stack.map(({ entries }) => entries) }), warnings };
}

describe('rule O10: the markers of a layer with a table', () => {
  it.each(MARKERS)('%s is not shown at the root, however it is spelled', (name) => {
    const entries = [name, `./${name}`, `/${name}`, `etc/../${name}`].map((path) => file(path, 'x'));
    expect(merged({ entries: [...entries, file('a', 'y')], hides: true })).toEqual({
      lines: ['a=y'],
      warnings: [],
    });
  });

  it.each(MARKERS)('%s is an ordinary name elsewhere', (name) => {
    const entries = [dir('d'), file(`d/${name}`), file(`${name}.x`), file(`x${name}`)];
    const shown = ['d/', `d/${name}=`, `${name}.x=`, `x${name}=`].sort();
    expect(merged({ entries, hides: true }).lines).toEqual(shown);
  });

  it.each(MARKERS)('%s is an ordinary name in a layer without a table', (name) => {
    expect(merged({ entries: [file(name, 'x')] }).lines).toEqual([`${name}=x`]);
    expect(merged({ entries: [file(name, 'x')], hides: false }).lines).toEqual([`${name}=x`]);
  });

  it.each(MARKERS)('%s hides nothing of a lower layer, which may hide its own', (name) => {
    const lower = { entries: [file(name, 'lower')] };
    const upper = { entries: [file(name, 'upper'), file('a')], hides: true };
    expect(merged(lower, upper).lines).toEqual([`${name}=lower`, 'a='].sort());
    expect(merged(upper, { entries: [file(name, 'over')] }).lines).toEqual([`${name}=over`, 'a='].sort());
    expect(merged(lower, { ...upper, entries: [whiteout(name)] }).lines).toEqual([]);
  });

  it('are not shown as directories, nor what is below them', () => {
    const entries = [dir('.prefetch.landmark'), file('.prefetch.landmark/x'), file('stargz.index.json/y')];
    expect(merged({ entries, hides: true })).toEqual({ lines: [], warnings: [] });
  });

  it('are no targets of hard links', () => {
    const entries = [file('.prefetch.landmark'), hardlink('a', '.prefetch.landmark')];
    const { lines, warnings } = merged({ entries, hides: true });
    expect(lines).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/a hard link to nothing/)]);
  });

  it('are not found while lower layers are unknown', () => {
    const entries = entriesOf(file('.prefetch.landmark'), file('a'));
    const upper = new UpperLayers([{ entries, number: 2, hidesTableMarkers: true }], false);
    expect(upper.resolve([Buffer.from('.prefetch.landmark')])).toMatchObject({ kind: 'missing' });
    expect(upper.resolve([Buffer.from('a')])).toMatchObject({ kind: 'found' });
  });
});
