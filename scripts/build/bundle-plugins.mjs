// What the bundle changes in modules and packages. (rolldown.rs, "Plugin API")
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { built } from './paths.mjs';

/**
 * Makes the maps of dist/bin lead to src: `NODE_OPTIONS=--enable-source-maps layerslayer …`. They
 * are not packed.
 */
export const mapsOfTsc = {
  name: 'maps-of-tsc',
  load(id) {
    if (!id.startsWith(built(''))) return undefined;
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};

/**
 * Leaves the import of a shared module in the program, as that of the file beside it.
 * @param shared main modules by the names of such files
 */
export const sharedFiles = (shared) => ({
  name: 'shared-files',
  resolveId(specifier, importer) {
    if (importer === undefined) return undefined; // the shared module itself is built
    const path = join(dirname(importer), specifier);
    const found = Object.entries(shared).find(([, main]) => built(main) === path);
    return found && { id: `./${found[0]}.js`, external: true };
  },
});

const YARGS_PLATFORM = new URL('yargs-platform.mjs', import.meta.url);
const COLUMNS = '\0columns-of-text';

/**
 * Gives yargs what it asks of Node by yargs-platform.mjs, and the columns of a text by the count of
 * this program. Of the 25 ms that yargs takes to load, 20 are the regular expressions and the
 * segmenter of string-width (measured).
 */
export const yargsAtHome = {
  name: 'yargs-at-home',
  resolveId(id, importer) {
    return id === 'string-width' && /node_modules.(yargs|cliui)\b/.test(importer) ? COLUMNS : undefined;
  },
  load(id) {
    if (/node_modules.yargs.lib.platform-shims.esm\.mjs$/.test(id)) {
      return readFileSync(YARGS_PLATFORM, 'utf8');
    }
    if (id === COLUMNS) {
      return `export { columnsOf as default } from ${JSON.stringify(built('cli/terminal/layout/cut-text.js'))};`;
    }
    return undefined;
  },
};

/**
 * Files of undici that each request loads and none of ours uses. A connection with HTTP/2 is an
 * error (undici-pool.ts), and no body is a form. Without them a second mount takes 6 ms less CPU
 * (measured).
 */
const UNUSED = /node_modules.undici.lib.(dispatcher.client-h2|web.fetch.body)\.js$/;

export const withoutUnused = {
  name: 'without-unused',
  load: (id) => (UNUSED.test(id) ? { code: 'module.exports = {};', moduleType: 'js' } : undefined),
};
