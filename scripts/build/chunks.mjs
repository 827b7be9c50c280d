// Which modules of a program stand in one file.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { built } from './paths.mjs';

/**
 * Chunks by what they begin with, in the order in which a mount needs them. Of the command line:
 * what the daemon is started with, what each command and `mount` need, the parser, what asks the
 * registry. Other commands load the rest. Of a daemon: all that it needs at once, with its package,
 * which rolldown would spread over several files.
 */
const CHUNKS = {
  layerslayer: [
    ['start', ['cli/main.js']],
    [
      'common',
      [
        'cli/run-command.js',
        'cli/load-command.js',
        'cli/terminal/output/process-output.js',
        'cli/commands/mount/mount.js',
      ],
    ],
    ['parser', ['cli/command-line/parse-arguments.js'], /node_modules.(yargs|cliui)/],
    ['resolve', ['source/resolve-in-registry.js']],
  ],
  'daemon-main': [['start', ['daemon/daemon-main.js'], /node_modules.lru-cache/]],
};

/** Returns the option of `write` that makes the chunks of a program, if it has any. */
export function chunksOf(program, main) {
  const roots = CHUNKS[program];
  if (roots === undefined) return {};
  const chunkOf = new Map();
  for (const [chunk, files] of roots) {
    for (const file of files.flatMap((name) => importedBy(built(name)))) {
      if (!chunkOf.has(file)) chunkOf.set(file, chunk);
    }
  }
  chunkOf.delete(built(main));
  const groups = roots.map(([name, , packages]) => ({
    name,
    test: (id) => chunkOf.get(id) === name || packages?.test(id) === true,
  }));
  return { codeSplitting: { groups, includeDependenciesRecursively: false } };
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
