import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListedFile } from '../support/tree-listing.js';
import { type Case, Scene } from './scene.js';

/**
 * Runs a table of cases over one mount: each against the rules, then against umoci where it is the
 * oracle.
 */
export function playCases(cases: Readonly<Record<string, Case>>): Scene {
  const scene = new Scene(cases);
  beforeAll(() => scene.start());
  afterAll(() => scene.stop());

  describe('by the page', () => {
    it.each(Object.entries(cases))('%s', (name, one) => {
      const { tree, groups, warnings, listing } = scene.outcome(name);
      expect(tree).toEqual(scene.wanted(name));
      expect(groups).toEqual((one.groups ?? []).map((paths) => [...paths].sort()).sort());
      const wanted = [...(one.warns ?? [])].sort();
      const cut = (quoted: string, at: number) =>
        wanted[at]?.endsWith('…') ? `${quoted.slice(0, wanted[at].length - 1)}…` : quoted;
      expect(warnings.sort().map(cut)).toEqual(wanted);
      for (const [path, fields] of Object.entries(one.attributes ?? {})) {
        const listed = listing.get(path);
        const seen = Object.fromEntries(
          Object.keys(fields).map((key) => [key, listed?.[key as keyof ListedFile]]),
        );
        expect(seen, path).toEqual(fields);
      }
    });
  });

  const compared = Object.entries(cases).filter(([, one]) => one.notUmoci === undefined);
  if (compared.length > 0) {
    describe('as umoci unpacks it', () => {
      it.each(compared)('%s', async (name) => {
        expect(await scene.differencesFromUmoci(name)).toEqual([]);
      });
    });
  }

  describe('everywhere in the tree', () => {
    it('st_nlink is the number of names, or 2 + subdirectories', () => {
      const names = new Map<string, number>();
      const subdirectories = new Map<string, number>();
      for (const [path, { type, inode }] of scene.listing) {
        names.set(inode, (names.get(inode) ?? 0) + 1);
        const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
        if (type === 'd' && path !== '') subdirectories.set(parent, (subdirectories.get(parent) ?? 0) + 1);
      }
      const wrong = [...scene.listing]
        .map(([path, { type, inode, nlink }]) => {
          const wanted = type === 'd' ? 2 + (subdirectories.get(path) ?? 0) : names.get(inode);
          return `${path}: ${nlink}, want ${wanted}`;
        })
        .filter((line) => !/: (\d+), want \1$/.test(line));
      expect(wrong).toEqual([]);
    });

    it('atime, ctime and mtime are one, directories have 4096 bytes, files their blocks', () => {
      const wrong = [...scene.listing].filter(([, { type, atime, ctime, mtime, size, blocks512 }]) => {
        const blocks = type === 'f' ? Math.ceil(Number(size) / 512) : undefined;
        const sized = type === 'd' ? size === '4096' : type !== 'f' || Number(blocks512) <= blocks!;
        return !(atime === mtime && ctime === mtime && sized);
      });
      expect(wrong).toEqual([]);
    });
  });

  return scene;
}
