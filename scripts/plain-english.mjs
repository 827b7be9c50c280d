// Lints prose: comment lines have at most 100 columns, and no line uses a word of the table below.
// Usage: plain-english.mjs [--update] [ROOT]
//
// Files that are not rewritten yet are listed in scripts/plain-english-pending.txt. The list only
// gets shorter: a listed file without violations is an error. `--update` writes the list again.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAX_COLUMNS = 100;
const FOLDERS = ['src', 'test', 'scripts'];
const PENDING = 'scripts/plain-english-pending.txt';
/** They quote the words. */
const EXEMPT = ['scripts/plain-english.mjs', 'test/plain-english.test.ts'];

/** Words and what to write instead: words that are wrong wherever they stand. */
const WORDS = [
  ['(?<!users? )who|whom|whoever', 'name the thing: "the caller", "the thread"'],
  ['somebody|someone|nobody|no one|anybody|anyone|everybody|everyone', 'name the thing'],
  ['he|him|his', 'name the thing'],
  ['(?:give|gives|gave|given|giving) (?:it |them )?back', 'return, release'],
  ['anew', 'again; remake, rebuild'],
  ['for ever', 'forever; without end'],
  ['lest', 'so that … not'],
  ['(?:tell|tells|told|telling) of', 'report, show, list'],
  ['(?:look|looks|looked|looking) (?:at|whether)', 'check, read, inspect'],
  ['(?:go|goes|went|going|gone) on', 'continue, resume'],
  ['in vain', 'wasted; without result'],
];
const ADVICE = WORDS.map(([, advice]) => advice);
/** One group a row of the table. */
const PATTERN = new RegExp(
  `(?<![\\w-])(?:${WORDS.map(([words]) => `(${words})`).join('|')})(?![\\w-])`,
  'gi',
);

/** Lines that cannot be broken. */
const UNBREAKABLE = /:\/\/|biome-ignore|shellcheck|@ts-/;

/** Returns the violations of one file, one line each. */
function violationsOf(path, text) {
  const violations = [];
  let inBlock = false;
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    const isComment = inBlock || /^(\/\/|\/\*|#(?![!\w]))/.test(trimmed);
    if (isComment && [...line].length > MAX_COLUMNS && !UNBREAKABLE.test(line))
      violations.push(`${path}:${index + 1}: comment line of ${[...line].length} columns`);
    for (const match of line.matchAll(PATTERN)) {
      const [word, ...groups] = match;
      if (word === word.toUpperCase()) continue; // an identifier
      const quotes = `${line[match.index - 1] ?? ' '}${line[match.index + word.length] ?? ' '}`;
      if (/^['"`]{2}$/.test(quotes)) continue; // a value, as the user `nobody` is
      violations.push(`${path}:${index + 1}: "${word}": ${ADVICE[groups.findIndex(Boolean)]}`);
    }
    if (trimmed.startsWith('/*')) inBlock = true;
    if (inBlock && trimmed.endsWith('*/')) inBlock = false;
  }
  return violations;
}

function sourceFiles(root) {
  const paths = FOLDERS.filter((folder) => existsSync(root + folder)).flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length)),
  );
  return paths.filter((path) => /\.(ts|mjs|sh)$/.test(path) || /^scripts\/[a-z]+$/.test(path)).sort();
}

const update = process.argv.includes('--update');
const named = process.argv.slice(2).find((word) => !word.startsWith('--'));
const root = named === undefined ? fileURLToPath(new URL('../', import.meta.url)) : `${named}/`;
const pending = existsSync(root + PENDING)
  ? readFileSync(root + PENDING, 'utf8')
      .split('\n')
      .filter(Boolean)
  : [];

const violations = new Map();
for (const path of sourceFiles(root)) {
  if (EXEMPT.includes(path)) continue;
  const found = violationsOf(path, readFileSync(root + path, 'utf8'));
  if (found.length > 0) violations.set(path, found);
}

if (update) {
  writeFileSync(root + PENDING, [...violations.keys(), ''].join('\n'));
} else {
  const complaints = [
    ...[...violations].filter(([path]) => !pending.includes(path)).flatMap(([, found]) => found),
    ...pending
      .filter((path) => !violations.has(path))
      .map((path) => `${PENDING}: ${path} has no violations left: remove its line`),
  ];
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
}
