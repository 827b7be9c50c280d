// The explorer as browsers load it: dist/web, from src/web.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { built, ROOT } from './paths.mjs';

const source = (name) => join(ROOT, 'src/web', name);

/**
 * Bundles the explorer. What a view needs on demand (highlighting of a language, the treemap) is a
 * chunk beside `app`. The names of all files but the page have a hash of their content: browsers
 * cache them without asking again.
 * @returns the ids of all modules in dist/web
 */
export async function bundleWeb() {
  mkdirSync(built('web/assets'), { recursive: true });
  const program = await rolldown({
    input: { app: source('main.tsx') },
    platform: 'browser',
    tsconfig: source('tsconfig.json'),
  });
  const { output } = await program.write({
    dir: built('web/assets'),
    format: 'esm',
    minify: true,
    sourcemap: true,
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await program.close();
  const { fileName } = output.find(({ isEntry }) => isEntry);
  const page = readFileSync(source('index.html'), 'utf8')
    .replace('/assets/app.js', `/assets/${fileName}`)
    .replace('/assets/app.css', `/assets/${hashed('app.css', styles())}`)
    .replace('/assets/icon.svg', `/assets/${hashed('icon.svg', readFileSync(source('icon.svg')))}`);
  writeFileSync(built('web/index.html'), page);
  return output.flatMap(({ moduleIds = [] }) => moduleIds);
}

/** Returns all style sheets as one: those of the whole page, then those beside the views. */
function styles() {
  return ['styles', 'views']
    .flatMap((folder) =>
      readdirSync(source(folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.css'))
        .sort()
        .map((name) => readFileSync(join(source(folder), name), 'utf8')),
    )
    .join('');
}

/** Writes an asset. @returns its name with a hash of its content */
function hashed(name, content) {
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 8);
  const [, stem, suffix] = /^(.*)\.(\w+)$/.exec(name);
  const target = `${stem}-${hash}.${suffix}`;
  writeFileSync(built(`web/assets/${target}`), content);
  return target;
}
