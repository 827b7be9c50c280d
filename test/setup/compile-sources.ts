/**
 * `src` in JavaScript, for what runs outside vitest: threads and child processes. The copy stands in
 * a directory named by the hash of its sources, so that it is made once and never changes.
 *
 *     src/<folder>/<file>.js         one file a module, as tsc would write it
 *     src/<folder>/<name>-worker.js  a thread as one file: it starts in half the time (measured)
 *     test/<folder>/<program>.js     the child processes of tests
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type InputOptions, rolldown, VERSION } from 'rolldown';

/** A copy that was not used for so long is removed. */
const UNUSED_MS = 3600 * 1000;

/**
 * Makes the copy, unless it exists. Several processes may do so at once.
 *
 * @returns the copy's directory
 */
export async function compileSources(root: string): Promise<string> {
  const programs = paths(root, 'test', /\.mjs$/);
  const modules = paths(root, 'src', /(?<!\.d)\.ts$/).filter((path) => !path.includes('/assembly/'));
  const hash = createHash('sha256').update(VERSION);
  // The lock file, since threads are bundled with the packages that they use.
  for (const path of ['package-lock.json', relative(root, import.meta.filename), ...modules, ...programs]) {
    hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  }
  const home = join(root, 'node_modules/.cache/layerslayer-compiled');
  const target = join(home, hash.digest('hex').slice(0, 32));
  if (!existsSync(target)) {
    removeUnused(home);
    const scratch = `${target}.${process.pid}`;
    await compile(root, modules, programs, scratch);
    try {
      renameSync(scratch, target);
    } catch {
      rmSync(scratch, { recursive: true }); // another process was faster
    }
  }
  const now = new Date();
  utimesSync(target, now, now);
  return target;
}

async function compile(
  root: string,
  modules: readonly string[],
  programs: readonly string[],
  target: string,
): Promise<void> {
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'package.json'), '{"type":"module"}');
  const all = [...modules, ...programs];
  const options: InputOptions = {
    cwd: root,
    platform: 'node',
    resolve: { alias: { '#src': join(root, 'src') } },
  };
  const copy = await rolldown({
    ...options,
    input: Object.fromEntries(all.map((path) => [path.replace(/\.m?ts$|\.mjs$/, ''), path])),
    external: /^[^./#]/, // packages
    treeshake: false,
  });
  await copy.write({
    dir: target,
    format: 'esm',
    sourcemap: true,
    preserveModules: true,
    preserveModulesRoot: root,
  });
  await copy.close();
  for (const path of modules.filter((path) => path.endsWith('-worker.ts'))) {
    const thread = await rolldown({ ...options, input: path, external: ['koffi', 'fuse-native'] });
    await thread.write({ dir: join(target, dirname(path)), format: 'esm', sourcemap: true });
    await thread.close();
  }
}

function paths(root: string, folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => name.test(path))
    .map((path) => join(folder, path))
    .sort();
}

function removeUnused(home: string): void {
  for (const name of existsSync(home) ? readdirSync(home) : []) {
    const path = join(home, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > UNUSED_MS) rmSync(path, { recursive: true, force: true });
  }
}
