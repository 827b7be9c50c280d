// The programs as users run them: dist/bin, from what tsc wrote.
import { chmodSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { mapsOfTsc, sharedFiles, withoutUnused, yargsAtHome } from './bundle-plugins.mjs';
import { chunksOf } from './chunks.mjs';
import { built } from './paths.mjs';

/** What several programs load on demand, and is large: one file in dist/bin for all of them. */
const SHARED = { undici: 'registry/http/undici-parts.js' };

/** They find their binaries beside themselves, and are imported only where they are needed. */
const NATIVE = ['koffi', 'fuse-native'];

/** start-daemon, fetch-thread, inflate-pool and analyses start these names, beside themselves. */
const PROGRAMS = {
  layerslayer: 'cli/main.js',
  'daemon-main': 'daemon/daemon-main.js',
  'fetch-worker': 'engine/fetch/fetch-worker.js',
  'inflate-worker': 'engine/inflate/inflate-worker.js',
  'analysis-worker': 'api/analysis/analysis-worker.js',
  library: 'library/layerslayer.js', // it starts the daemon and the threads too
};

/** Programs import it as a module, as its types say. */
const isModule = (name) => name === 'library';

/**
 * Bundles each program by itself, so that what it needs at once is one file. Each further file
 * costs a starting process a millisecond (measured). Modules that programs share are in each of
 * them. Only what is loaded on demand stands in chunks beside.
 * @returns the ids of all modules in dist/bin
 */
export async function bundle() {
  const modules = new Set();
  for (const [name, main] of Object.entries({ ...SHARED, ...PROGRAMS })) {
    for (const id of await bundleProgram(name, main)) modules.add(id);
  }
  writeFileSync(built('bin/package.json'), '{ "type": "commonjs" }\n');
  chmodSync(built('bin/layerslayer.js'), 0o755);
  return modules;
}

/** A warning that stays would hide the next one. */
function failOnWarning(level, log, next) {
  if (level === 'warn') throw new Error(log.message);
  next(level, log);
}

async function bundleProgram(name, main) {
  const suffix = isModule(name) ? 'mjs' : 'js';
  const program = await rolldown({
    input: { [name]: built(main) },
    platform: 'node',
    external: NATIVE,
    plugins: [mapsOfTsc, sharedFiles(SHARED), yargsAtHome, withoutUnused],
    // yargs asks it for configuration files. CommonJS has none, and no option reads such a file.
    transform: { define: { 'import.meta.resolve': 'undefined' } },
    onLog: failOnWarning,
    preserveEntrySignatures: isModule(name) ? 'strict' : 'allow-extension',
  });
  const { output } = await program.write({
    dir: built('bin'),
    // Node loads CommonJS without its ESM loader: 6 ms less CPU a process (measured).
    format: isModule(name) ? 'esm' : 'cjs',
    dynamicImportInCjs: false, // that loader would come with the first file that is imported on demand
    sourcemap: true,
    entryFileNames: `[name].${suffix}`,
    chunkFileNames: `${name}-[name]-[hash].${suffix}`,
    ...chunksOf(name, main),
  });
  await program.close();
  return output.flatMap(({ moduleIds = [] }) => moduleIds);
}
