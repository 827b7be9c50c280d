import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { builtProgram } from '../../setup/programs.js';

/** Licences that ask for no more than their text beside the program. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

const LICENSE_FILE = /^(licen[cs]e|notice)([.-]|$)/i;

/** Directories of bundled packages, by the source maps, and the files with parts of each. */
const bundled = new Map<string, Set<string>>();
let text: string;

beforeAll(() => {
  const bin = dirname(builtProgram());
  text = readFileSync(join(bin, '../THIRD-PARTY.txt'), 'utf8');
  for (const folder of [bin, join(bin, '../web/assets')]) {
    for (const map of readdirSync(folder).filter((name) => name.endsWith('.map'))) {
      const { sources }: { sources: string[] } = JSON.parse(readFileSync(join(folder, map), 'utf8'));
      for (const source of sources) {
        const [, directory] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(resolve(folder, source)) ?? [];
        if (directory !== undefined) bundled.set(directory, (bundled.get(directory) ?? new Set()).add(map));
      }
    }
  }
});

const manifestOf = (directory: string): { name: string; version: string; license: string } =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));

it('names the packages in the bundle, and no other', () => {
  const headings = [...text.matchAll(/^-{80}\n\n(.+)$/gm)].map(([, heading]) => heading);
  const packages = [...bundled.keys()].map(manifestOf);
  expect(packages.length).toBeGreaterThan(5);
  // What has no source map: rolldown's helpers, AssemblyScript's in WebAssembly, undici's parser.
  const others = headings.filter((heading) =>
    /^(rolldown |assemblyscript |llhttp, a part of undici$)/.test(heading!),
  );
  expect(others).toHaveLength(3);
  const named = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  expect(headings.filter((heading) => !others.includes(heading)).sort()).toEqual(named.sort());
});

it('has the text of each licence', () => {
  for (const bundledDirectory of bundled.keys()) {
    // Two packages come without the file: that of the same authors has it.
    const directory = bundledDirectory.replace(/@hono\/zod-(openapi|validator)$/, 'hono');
    const files = readdirSync(directory).filter((name) => LICENSE_FILE.test(name));
    expect(files, directory).not.toEqual([]);
    for (const name of files) expect(text).toContain(readFileSync(join(directory, name), 'utf8').trim());
  }
  expect(text).toContain('Copyright Fedor Indutny, 2018.');
});

it('names no licence that asks for more', () => {
  const unknown = [...bundled.keys()].map(manifestOf).filter(({ license }) => !PERMISSIVE.has(license));
  expect(unknown).toEqual([]);
});

it('has undici in one file', () => {
  const [undici] = [...bundled].filter(([directory]) => directory.endsWith('/undici'));
  expect([...undici![1]]).toEqual(['undici.js.map']);
});
