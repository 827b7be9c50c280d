import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const WEB = fileURLToPath(new URL('../../src/web/', import.meta.url));

/** Packages that browsers load: the page has at most 150 KB. */
const PACKAGES = /^(preact(\/hooks)?|@preact\/signals|d3-hierarchy|highlight\.js\/.+)$/;

interface Import {
  path: string; // below src/web
  specifier: string;
  isType: boolean;
}

const paths = readdirSync(WEB, { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path));

const imports: Import[] = paths.flatMap((path) => {
  const text = readFileSync(WEB + path, 'utf8');
  const named = [...text.matchAll(/^(?:import|export) (type )?(?:[^;']*? from )?'([^']+)';/gm)];
  const loaded = [...text.matchAll(/\bimport\('([^']+)'\)/g)];
  return [
    ...named.map(([, type, specifier]) => ({ path, specifier: specifier!, isType: type !== undefined })),
    ...loaded.map(([, specifier]) => ({ path, specifier: specifier!, isType: false })),
  ];
});

const targetOf = ({ path, specifier }: Import) => posix.join(posix.dirname(path), specifier);

it('the explorer takes nothing from the program but types of answers', () => {
  expect(paths.length).toBeGreaterThan(20);
  const outside = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .filter((one) => /^\.\./.test(targetOf(one)));
  expect(outside.length).toBeGreaterThan(0);
  expect(outside.filter((one) => !one.isType || !targetOf(one).startsWith('../api/schemas/'))).toEqual([]);
});

it('the explorer loads few packages', () => {
  const packages = imports.filter(({ specifier }) => !specifier.startsWith('.'));
  expect(packages.filter(({ specifier, isType }) => !isType && !PACKAGES.test(specifier))).toEqual([]);
});

it('the model of the explorer knows no view', () => {
  const inModel = imports.filter(({ path }) => path.startsWith('model/'));
  expect(inModel.filter((one) => targetOf(one).startsWith('views/'))).toEqual([]);
});

it('the explorer writes no HTML: names of an image are hostile', () => {
  const writers = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment/;
  expect(paths.filter((path) => writers.test(readFileSync(WEB + path, 'utf8')))).toEqual([]);
});
