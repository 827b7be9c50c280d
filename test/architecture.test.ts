import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  findDoorBreaches,
  findViolations,
  folderRows,
  LEVELS,
  PACKAGE_HOMES,
} from './support/architecture-rules.js';
import { moduleImports } from './support/module-imports.js';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

function sources(): Map<string, string> {
  // src/codec/*/assembly is AssemblyScript, another language, and src/web is for browsers. Both are
  // compiled on their own.
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.includes('/assembly/') && !path.startsWith('web/'),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(SRC + path, 'utf8')]));
}

const violationsOf = (files: Record<string, string>) => findViolations(new Map(Object.entries(files)));

describe('the sources', () => {
  const files = sources();
  const page = readFileSync(`${SRC}README.md`, 'utf8');

  it('keep levels, cycles, packages and names', () => {
    expect(files.size).toBeGreaterThan(10);
    expect(findViolations(files)).toEqual([]);
  });

  it('do nothing when they are imported, but for programs and threads: commands share files', () => {
    const isStarted = (path: string) => /(^|[/-])(main|worker)\.ts$/.test(path);
    const acting = [...files].filter(
      ([path, text]) => !isStarted(path) && /^(?:void |await |[a-z]\w*[.(])/m.test(text),
    );
    expect(acting.map(([path]) => path)).toEqual([]);
  });

  it('have no file that nothing imports or starts', () => {
    const imported = new Set(
      [...files].flatMap(([path, text]) =>
        moduleImports(text).map(({ specifier }) =>
          posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'),
        ),
      ),
    );
    const entries = ['cli/main.ts', 'library/layerslayer.ts'];
    const isProgram = (path: string) => entries.includes(path) || path.endsWith('.d.ts');
    expect([...files.keys()].filter((path) => !imported.has(path) && !isProgram(path))).toEqual([]);
  });

  it('use packages that the build bundles, or that a user may add', () => {
    type Declared = Record<
      'dependencies' | 'devDependencies' | 'optionalDependencies' | 'peerDependencies',
      Record<string, string> | undefined
    >;
    const declared: Declared = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const { dependencies, devDependencies, optionalDependencies, peerDependencies } = declared;
    const external = Object.keys({ ...optionalDependencies, ...peerDependencies });
    const imported = new Set([...files.values()].flatMap(moduleImports).map(({ specifier }) => specifier));
    const used = Object.keys(PACKAGE_HOMES).filter((name) =>
      [...imported].some((specifier) => specifier === name || specifier.startsWith(`${name}/`)),
    );
    expect(Object.keys(dependencies ?? {})).toEqual([]);
    expect(external.filter((name) => !used.includes(name))).toEqual([]);
    expect(used.filter((name) => !external.includes(name) && !(name in devDependencies!))).toEqual([]);
  });

  it('can be installed by npm ci: the lock file knows every optional dependency, and no registry', () => {
    // npm leaves out of the lock file what it can't find just then, and then npm ci refuses that lock file.
    const lock: { packages: Record<string, { optionalDependencies?: object; resolved?: string }> } =
      JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`${path}/node_modules/${name}` in lock.packages) && !(`node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
    expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  it('stand in folders that src/README.md lists: level, and three doors at most, which exist', () => {
    const rows = folderRows(page);
    const folders = new Set([...files.keys()].map((path) => path.slice(0, path.indexOf('/'))));
    expect([...folders].filter((folder) => !rows.has(folder))).toEqual([]);
    for (const [folder, { level, doors }] of rows) {
      expect(level, folder).toBe(LEVELS[folder.split('/')[0]!]);
      if (doors === 'open') continue;
      expect(doors.length, folder).toBeLessThanOrEqual(3);
      expect(
        doors.filter((door) => !files.has(door)),
        folder,
      ).toEqual([]);
    }
  });

  it('import other folders by their doors, and each door is used', () => {
    const rows = folderRows(page);
    expect(findDoorBreaches(files, rows)).toEqual([]);
    const closed = new Map([...rows].map(([folder, row]) => [folder, { ...row, doors: [] }]));
    const imported = new Set(findDoorBreaches(files, closed).map((line) => line.split(' -> ')[1]));
    const doors = [...rows.values()].flatMap((row) => (row.doors === 'open' ? [] : row.doors));
    expect(doors.filter((door) => !imported.has(door))).toEqual([]);
  });
});

describe('doors', () => {
  const PAGE = `
| level | folder | doors | holds |
| ----- | ------ | ----- | ----- |
| 0 | \`base/\` | open | errors |
| 2 | \`blob/\` | \`blob-reader\`, \`pages/page\` | bytes |
| 2 | \`blob/on-disk/\` | \`run\` | files |
| 12 | \`cli/\` | none | commands |
`;
  const breachesOf = (path: string, text: string) =>
    findDoorBreaches(new Map([[path, text]]), folderRows(PAGE));

  it('are read from the table of the page', () => {
    expect([...folderRows(PAGE)]).toEqual([
      ['base', { level: 0, doors: 'open' }],
      ['blob', { level: 2, doors: ['blob/blob-reader.ts', 'blob/pages/page.ts'] }],
      ['blob/on-disk', { level: 2, doors: ['blob/on-disk/run.ts'] }],
      ['cli', { level: 12, doors: [] }],
    ]);
  });

  const table: [string, string, string, string[]][] = [
    ['a door', 'cli/a.ts', "import '../blob/blob-reader.js'", []],
    ['a door in a subfolder', 'cli/a.ts', "import '../blob/pages/page.js'", []],
    ['a door of a subfolder with a row', 'cli/a.ts', "import '../blob/on-disk/run.js'", []],
    [
      'past the door of a subfolder with a row',
      'cli/a.ts',
      "import '../blob/on-disk/blob-reader.js'",
      ['cli/a.ts -> blob/on-disk/blob-reader.ts'],
    ],
    ['any file of an open folder', 'cli/a.ts', "import '../base/errors.js'", []],
    ['a file of the same folder', 'blob/a.ts', "import './pages/inner.js'", []],
    ['past a door', 'cli/a.ts', "import '../blob/inner.js'", ['cli/a.ts -> blob/inner.ts']],
    ['a type past a door', 'cli/a.ts', "let a: import('../blob/inner.js').A", ['cli/a.ts -> blob/inner.ts']],
    [
      'a worker past a door',
      'blob/a.ts',
      "new URL('../cli/b.js', import.meta.url)",
      ['blob/a.ts -> cli/b.ts'],
    ],
    [
      'one file twice',
      'cli/a.ts',
      "import '../blob/b.js'; import('../blob/b.js')",
      ['cli/a.ts -> blob/b.ts'],
    ],
  ];
  it.each(table)('%s', (_, path, text, wanted) => {
    expect(breachesOf(path, text)).toEqual(wanted);
  });
});

describe('reading imports', () => {
  const table: [string, string, string[]][] = [
    ['a named import', "import { a, b } from './x.js';", ['./x.js']],
    ['several lines', "import {\n  a,\n  // from './no.js'\n  b,\n} from './x.js';", ['./x.js']],
    ['a default import', "import a from './x.js'", ['./x.js']],
    ['a namespace', 'import * as a from "./x.js"', ['./x.js']],
    ['a type', "import type { A } from './x.js'", ['./x.js']],
    ['a type in place', "let a: import('./x.js').A", ['./x.js']],
    ['for its effect', "import './x.js'", ['./x.js']],
    ['at run time', "const a = await import('./x.js')", ['./x.js']],
    ['at run time, template', 'const a = await import(`./x.js`)', ['./x.js']],
    ['re-export', "export { a } from './x.js'", ['./x.js']],
    ['re-export of all', "export * from './x.js'", ['./x.js']],
    ['re-export of all as a name', "export * as a from './x.js'", ['./x.js']],
    ['a worker', "new Worker(new URL('./x.js', import.meta.url))", ['./x.js']],
    ['inside a hole of a template', `\`\${await import('./x.js')} import('./no.js')\``, ['./x.js']],
    ['nested templates and braces', `\`\${ { a: \`\${1}\` } }\`; import './x.js'`, ['./x.js']],
    ['behind a regular expression with a quote', "/[/'\"]/.test(a); import './x.js'", ['./x.js']],
    ['behind a division', "a = b / c; import './x.js'; d = e / f", ['./x.js']],
    ['line comment', "// import './no.js'\n", []],
    ['block comment', "/* import './no.js' */", []],
    ['text', 'const a = "import \'./no.js\'"', []],
    ['text with an escaped quote', "const a = 'it\\'s import \"./no.js\"'", []],
    ['a member called from', "Buffer.from('./no.js')", []],
    ['a call of from', "const from = f; from('./no.js')", []],
    ['import.meta', 'import.meta.url', []],
    ['require of TypeScript', "import a = require('./x.js')", ['./x.js']],
    ['a file beside a type', "let a: A; new URL('./x.js', import.meta.url) as URL", ['./x.js']],
    ['an address', "new URL('./no.js', base)", []],
  ];
  it.each(table)('%s', (_, source, wanted) => {
    expect(moduleImports(source).map(({ specifier }) => specifier)).toEqual(wanted);
  });
});

describe('the checker sees', () => {
  const table: [string, Record<string, string>, RegExp][] = [
    [
      'an import upwards',
      { 'oci/a.ts': "import '../fs/b.js'", 'fs/b.ts': '' },
      /level 1 imports fs\/b\.ts of level 8/,
    ],
    [
      'a type import upwards',
      { 'oci/a.ts': "import type { B } from '../fs/b.js'", 'fs/b.ts': '' },
      /level 1/,
    ],
    [
      'an import sideways',
      { 'oci/a.ts': "import '../tar/b.js'", 'tar/b.ts': '' },
      /level 1 imports tar\/b\.ts/,
    ],
    ['a worker upwards', { 'oci/a.ts': "new URL('../cli/b.js', import.meta.url)" }, /level 1 imports cli/],
    [
      'a cycle of two',
      { 'oci/a.ts': "import './b.js'", 'oci/b.ts': "import './a.js'" },
      /cycle: oci\/a\.ts -> oci\/b\.ts -> oci\/a\.ts/,
    ],
    [
      'a cycle of three',
      { 'oci/c.ts': "import './a.js'", 'oci/a.ts': "import './b.js'", 'oci/b.ts': "import './c.js'" },
      /cycle: oci\/a/,
    ],
    ['a file that imports itself', { 'oci/a.ts': "import './a.js'" }, /cycle: oci\/a\.ts -> oci\/a\.ts/],
    [
      'a package away from home',
      { 'fs/a.ts': "import { LRUCache } from 'lru-cache'" },
      /"lru-cache" enters in cache\/ only/,
    ],
    [
      'a part of a package away from home',
      { 'fs/a.ts': "import 'yargs/helpers'" },
      /"yargs" enters in cli\/ only/,
    ],
    ['a package without a home', { 'cli/a.ts': "import 'left-pad'" }, /"left-pad" has no home/],
    ['a package called like a property', { 'cli/a.ts': "import 'constructor'" }, /"constructor" has no home/],
    ['a builtin without its scheme', { 'cli/a.ts': "import 'fs'" }, /"fs" has no home/],
    ['input and output in a pure folder', { 'oci/a.ts': "import 'node:fs'" }, /oci\/ is pure/],
    ['built code', { 'cli/a.ts': "import '#src/cli/b.js'" }, /which is for tests/],
    ['a way out of src', { 'cli/a.ts': "import '../../test/b.js'" }, /outside src/],
    ['a missing extension', { 'cli/a.ts': "import './b'" }, /without its extension/],
    ['a barrel', { 'cli/index.ts': '' }, /"index" names no concept/],
    ['a drawer', { 'cli/utils.ts': '' }, /"utils" names no concept/],
    ['camel case', { 'cli/someName.ts': '' }, /not kebab-case/],
    ['an unknown folder', { 'misc2/a.ts': '' }, /misc2\/ has no level/],
    ['a file beside the folders', { 'a.ts': '' }, /stands in no folder/],
  ];
  it.each(table)('%s', (_, files, wanted) => {
    const violations = violationsOf(files);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(wanted);
  });

  it('nothing in a house that stands', () => {
    expect(
      violationsOf({
        'cli/main.ts':
          "import yargs from 'yargs'; import { b } from '../oci/b.js'; import './print.js'; import 'node:fs'",
        'cli/print.ts': "import { b } from '../oci/b.js'",
        'oci/b.ts': "import { createHash } from 'node:crypto'",
      }),
    ).toEqual([]);
  });
});
