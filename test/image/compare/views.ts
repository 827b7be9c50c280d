import type { Layer } from '#src/engine/layer.js';
import type { ComparedView } from '#src/image/compare/comparison.js';
import type { TreeDifference } from '#src/overlay/compare/compare-trees.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { joinPath } from '#src/overlay/resolve-path.js';

/** A view of layers, base first, numbered from 1. */
export function viewOf(name: string, layers: readonly Layer[]): ComparedView {
  const opened = layers.map((layer, i) => ({ number: i + 1, layer, entries: layer.entries }));
  const byNumber = new Map(opened.map(({ number, layer }) => [number, layer]));
  return { name, view: { layers: opened, byNumber, tree: mergeLayers(opened) } };
}

/** `+ /path`, `- /path`, `~ /path mode,content`, `! /path mode` in their order. */
export function lines(differences: Iterable<TreeDifference>): string[] {
  return Array.from(differences, ({ names, from, to, fields, error }) => {
    const path = joinPath(names).toString('latin1');
    if (error) return ['!', path, fields.join()].join(' ').trimEnd();
    return from === 0 ? `+ ${path}` : to === 0 ? `- ${path}` : `~ ${path} ${fields.join()}`;
  });
}
