// What yargs asks of Node, in the bundle: instead of its own lib/platform-shims/esm.mjs. That one
// reads translations from files beside itself, which a bundle does not have. It also asks for the
// working directory, which may be gone.
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { inspect } from 'node:util';
import cliui from 'cliui';
import stringWidth from 'string-width';
import Parser from 'yargs-parser';

const refuse = (what) => () => {
  throw new Error(`yargs ${what}: not in the bundle`);
};

/** English only. A message with a plural is an object, as y18n has it. */
const wording = {};
const format = (text, words) => {
  const rest = [...words];
  return text.replace(/%s/g, () => rest.shift());
};

export default {
  assert: { notStrictEqual: () => {}, strictEqual: () => {} },
  cliui,
  findUp: () => undefined,
  getEnv: () => undefined,
  inspect,
  getProcessArgvBin: () => process.argv[1],
  mainFilename: '',
  Parser,
  path: { basename, dirname, extname, relative, resolve, join },
  process: {
    argv: () => process.argv,
    cwd: () => '/',
    emitWarning: (warning, type) => process.emitWarning(warning, type),
    execPath: () => process.execPath,
    exit: refuse('ends the process'),
    nextTick: process.nextTick,
    stdColumns: null,
  },
  readFileSync: refuse('reads a file'),
  readdirSync: refuse('reads a directory'),
  require: refuse('loads a module'),
  getCallerFile: refuse('asks for its caller'),
  stringWidth,
  y18n: {
    __: (text, ...words) => format(wording[text] ?? text, words),
    __n: (one, other, count, ...words) => {
      const known = wording[one] ?? { one, other };
      return format(count === 1 ? known.one : known.other, words);
    },
    getLocale: () => 'en',
    setLocale: () => {},
    updateLocale: (strings) => Object.assign(wording, strings),
  },
};
