import { posix } from 'node:path';
import { moduleImports } from './module-imports.js';

/**
 * Folders of src/ and their levels, as in the table of src/README.md. A file imports only lower
 * levels and its own folder.
 */
export const LEVELS: Record<string, number> = {
  base: 0,
  oci: 1,
  tar: 1,
  cache: 1,
  codec: 1,
  blob: 2,
  registry: 3,
  index: 3,
  source: 4,
  overlay: 4,
  publish: 4,
  tables: 4,
  save: 5,
  surroundings: 5,
  engine: 6,
  image: 7,
  catalog: 8,
  fs: 8,
  carve: 8,
  fuse: 9,
  daemon: 10,
  api: 12,
  library: 11,
  cli: 13,
};

/** The one folder where each third-party package may enter. */
export const PACKAGE_HOMES: Record<string, string> = {
  'tar-stream': 'tar',
  'lru-cache': 'cache',
  undici: 'registry',
  koffi: 'base',
  'fuse-native': 'fuse',
  re2js: 'catalog',
  yargs: 'cli',
  '@inquirer/prompts': 'cli',
  diff: 'image',
  hono: 'api',
  '@hono/zod-openapi': 'api',
  '@hono/node-server': 'api',
  'range-parser': 'api',
  mime: 'api',
};

/** Folders of pure functions (parsing, merging, the tree), which open nothing and start nothing. */
const PURE_FOLDERS = new Set(['oci', 'overlay', 'fs']);
const IO_MODULES =
  /^node:(fs|fs\/promises|net|http|https|http2|tls|dgram|dns|dns\/promises|child_process|worker_threads|cluster)$/;

const NAMELESS = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'index',
  'common',
  'misc',
  'manager',
  'service',
]);

/**
 * Judges a tree of sources.
 * @param files text of each file by its path below src/, with `/`
 * @returns one line a violation, empty when the house stands
 */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  const violations: string[] = [];
  const graph = new Map<string, string[]>();

  for (const [path, source] of files) {
    violations.push(...judgeName(path));
    const loaded: string[] = [];
    for (const { specifier, via } of moduleImports(source)) {
      if (specifier.startsWith('.')) {
        const target = targetOf(path, specifier);
        if (via === 'load') loaded.push(target);
        violations.push(...judgeTarget(path, specifier, target));
      } else {
        violations.push(...judgeOutside(path, specifier));
      }
    }
    graph.set(path, loaded);
  }
  return [...violations, ...findCycles(graph)];
}

/** What src/README.md says of a folder. `doors`: the files that other folders may import. */
export interface FolderRow {
  level: number;
  doors: readonly string[] | 'open';
}

/**
 * Reads the table of folders of src/README.md, whose columns begin with level, folder, doors. A
 * subfolder may have a row with doors of its own.
 * @returns rows by folder; doors as paths below src/
 */
export function folderRows(page: string): Map<string, FolderRow> {
  const rows = new Map<string, FolderRow>();
  for (const [, level, folder, doors] of page.matchAll(/^\| *(\d+) *\| `([\w/-]+)\/` *\|([^|]*)\|/gm)) {
    const named = [...doors!.matchAll(/`([^`]+)`/g)].map(([, name]) => `${folder}/${name}.ts`);
    rows.set(folder!, { level: Number(level), doors: doors!.trim() === 'open' ? 'open' : named });
  }
  return rows;
}

/**
 * Finds imports of another folder's file that is no door.
 * @returns `importer -> imported`, sorted, each once
 */
export function findDoorBreaches(
  files: ReadonlyMap<string, string>,
  rows: ReadonlyMap<string, FolderRow>,
): string[] {
  const breaches = new Set<string>();
  for (const [path, source] of files) {
    for (const { specifier } of moduleImports(source)) {
      if (!specifier.startsWith('.')) continue;
      const target = targetOf(path, specifier);
      const doors = doorsOf(target, rows);
      if (folderOf(target) === folderOf(path) || doors === 'open' || doors.includes(target)) continue;
      breaches.add(`${path} -> ${target}`);
    }
  }
  return [...breaches].sort();
}

/** Returns the doors of the innermost folder around a file that has a row. */
function doorsOf(path: string, rows: ReadonlyMap<string, FolderRow>): FolderRow['doors'] {
  const folder = posix.dirname(path);
  if (folder === '.') return [];
  return rows.get(folder)?.doors ?? doorsOf(folder, rows);
}

const targetOf = (path: string, specifier: string) =>
  posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');

const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

function judgeName(path: string): string[] {
  const violations: string[] = [];
  const folder = folderOf(path);
  if (folder === '') violations.push(`${path}: stands in no folder of src/`);
  else if (LEVELS[folder] === undefined) violations.push(`${path}: ${folder}/ has no level`);
  for (const [depth, part] of path
    .replace(/(\.d)?\.ts$/, '')
    .split('/')
    .entries()) {
    // `index/` holds the layer index.
    if (depth > 0 && NAMELESS.has(part)) violations.push(`${path}: "${part}" names no concept`);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part)) violations.push(`${path}: "${part}" is not kebab-case`);
  }
  return violations;
}

function judgeTarget(path: string, specifier: string, target: string): string[] {
  const from = folderOf(path);
  const to = folderOf(target);
  if (!specifier.endsWith('.js')) return [`${path}: imports "${specifier}" without its extension`];
  if (target.startsWith('..')) return [`${path}: imports "${specifier}" from outside src/`];
  if (from === to || from === '' || to === '') return [];
  const fromLevel = LEVELS[from] ?? -1;
  const toLevel = LEVELS[to] ?? Number.POSITIVE_INFINITY;
  if (toLevel < fromLevel) return [];
  return [`${path}: level ${fromLevel} imports ${target} of level ${toLevel}`];
}

function judgeOutside(path: string, specifier: string): string[] {
  const folder = folderOf(path);
  if (specifier.startsWith('node:')) {
    if (!PURE_FOLDERS.has(folder) || !IO_MODULES.test(specifier)) return [];
    return [`${path}: ${folder}/ is pure and imports ${specifier}`];
  }
  if (specifier.startsWith('#')) return [`${path}: imports "${specifier}", which is for tests`];
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  // hasOwn: a package may be called `constructor`
  const home = Object.hasOwn(PACKAGE_HOMES, name) ? PACKAGE_HOMES[name] : undefined;
  if (home === undefined) return [`${path}: package "${name}" has no home in src/`];
  if (home !== folder) return [`${path}: package "${name}" enters in ${home}/ only`];
  return [];
}

/** Each cycle once, told from the file that sorts first. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles = new Set<string>();
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (path: string) => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      const ring = trail.slice(trail.indexOf(path));
      const first = ring.indexOf([...ring].sort()[0]!);
      const turned = [...ring.slice(first), ...ring.slice(0, first)];
      cycles.add(`cycle: ${[...turned, turned[0]].join(' -> ')}`);
      return;
    }
    state.set(path, 'open');
    trail.push(path);
    for (const next of graph.get(path) ?? []) visit(next);
    trail.pop();
    state.set(path, 'done');
  };
  for (const path of graph.keys()) visit(path);
  return [...cycles];
}
