#!/usr/bin/env node
// Builds dist:
//   1. AssemblyScript -> wasm -> src/codec/*/*-wasm.ts, when its sources changed
//   2. tsc -> dist/<folder>/*.js
//   3. rolldown -> dist/bin, the program as a user runs it: one file a thread (and chunks that they share), with the
//      packages that it uses. A hundred small modules take three times as long to load (measured), and a mount starts
//      two processes and a thread.
// and fails when src/cli/COMMANDS.md is not what the commands say by now.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { buildCodecWasm } from './codec-wasm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const run = (command, args) =>
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });

/**
 * Each program by itself, so that what it needs at once is one file: every further one costs a starting process a millisecond
 * (measured). What they share is there several times. Only what is loaded on demand stands in chunks beside.
 */
async function bundle() {
  const built = (path) => join(root, 'dist', path);
  // The names are those that start-daemon.ts, fetch-thread.ts and inflate-pool.ts start, beside themselves.
  const programs = {
    layerslayer: 'cli/main.js',
    'daemon-main': 'daemon/daemon-main.js',
    'fetch-worker': 'engine/fetch/fetch-worker.js',
    'inflate-worker': 'engine/inflate/inflate-worker.js',
  };
  for (const [name, main] of Object.entries(programs)) {
    const program = await rolldown({
      input: { [name]: built(main) },
      platform: 'node',
      external: NATIVE,
      plugins: [mapsOfTsc, yargsAtHome(built)],
      preserveEntrySignatures: 'allow-extension', // nobody imports a program
    });
    await program.write({
      dir: built('bin'),
      format: 'esm',
      sourcemap: true,
      entryFileNames: '[name].js',
      chunkFileNames: `${name}-[name]-[hash].js`,
      ...(CHUNKS[name] && { codeSplitting: chunksOf(built, main, CHUNKS[name]) }),
    });
    await program.close();
  }
  chmodSync(built('bin/layerslayer.js'), 0o755);
}

/** Has the maps of dist/bin lead to src: `NODE_OPTIONS=--enable-source-maps layerslayer …`. The package goes without. */
const mapsOfTsc = {
  name: 'maps-of-tsc',
  load(id) {
    if (!id.startsWith(join(root, 'dist/'))) return undefined;
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};

const COLUMNS = '\0columns-of-text';

/**
 * Gives yargs what it asks of Node by yargs-platform.mjs, and the columns of a text by the program's
 * own count: of the 25 ms that yargs takes to load, 20 are string-width's regular expressions and
 * segmenter (measured).
 */
const yargsAtHome = (built) => ({
  name: 'yargs-at-home',
  resolveId(id, importer) {
    return id === 'string-width' && /node_modules.(yargs|cliui)\b/.test(importer) ? COLUMNS : undefined;
  },
  load(id) {
    if (/node_modules.yargs.lib.platform-shims.esm\.mjs$/.test(id)) {
      return readFileSync(join(root, 'scripts/yargs-platform.mjs'), 'utf8');
    }
    if (id === COLUMNS) {
      return `export { columnsOf as default } from ${JSON.stringify(built('cli/terminal/cut-text.js'))};`;
    }
    return undefined;
  },
});

/** They find their binaries beside themselves, and are imported only where they are needed. */
const NATIVE = ['koffi', 'fuse-native'];

/**
 * Chunks by what they begin with, in the order in which a mount needs them. Of the command line: what the daemon is started
 * with, what every command and `mount` need, what asks the registry. The rest is loaded by other commands only. Of a daemon:
 * all that it needs at once, with its package, which rolldown would spread over several files.
 */
const CHUNKS = {
  layerslayer: [
    ['start', ['cli/main.js']],
    [
      'common',
      [
        'cli/run-command.js',
        'cli/load-command.js',
        'cli/terminal/process-output.js',
        'cli/commands/mount/mount.js',
      ],
    ],
    ['parser', ['cli/command-line/parse-arguments.js'], /node_modules.(yargs|cliui)/],
    ['resolve', ['source/resolve-in-registry.js']],
  ],
  'daemon-main': [['start', ['daemon/daemon-main.js'], /node_modules.lru-cache/]],
};

function chunksOf(built, main, roots) {
  const chunkOf = new Map();
  for (const [chunk, files] of roots) {
    for (const file of files.flatMap((name) => importedBy(built(name)))) {
      if (!chunkOf.has(file)) chunkOf.set(file, chunk);
    }
  }
  chunkOf.delete(built(main));
  return {
    groups: roots.map(([name, , packages]) => ({
      name,
      test: (id) => chunkOf.get(id) === name || packages?.test(id) === true,
    })),
    includeDependenciesRecursively: false,
  };
}

/** A module and all that it imports at once, of those that tsc wrote. */
function importedBy(file, found = new Set()) {
  if (found.has(file)) return [];
  found.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^'\n]*'(\.[^']+)';$/gm)) {
    importedBy(join(dirname(file), path), found);
  }
  return [...found];
}

function checkReference() {
  try {
    run(process.execPath, [join(root, 'scripts/command-reference.mjs'), '--check']);
  } catch {
    process.exitCode = 1; // it has said why
  }
}

buildCodecWasm();
rmSync(join(root, 'dist'), { recursive: true, force: true });
run(bin('tsc'), ['-p', 'tsconfig.json']);
await bundle();
checkReference();
