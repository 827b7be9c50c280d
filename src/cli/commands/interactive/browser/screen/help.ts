import { TextScreen } from './text-screen.js';

const TREE_KEYS = [
  'arrows, PgUp, PgDn, Home, End  move (k, j, b, f, g, G too)',
  'Right, Left     unfold, fold; Left on a file: its directory',
  'Enter           fold or unfold; view a file; follow a symlink',
  '/               search names, with a slash paths; small letters find capitals too',
  'n, N            next and previous name found',
  'h or .          show what upper layers hide: layer, and how',
  'i or Space      owner, time, layer, digest, build step, versions',
  's               largest first, or by name',
  'c               carve to ./carved: a file, a directory with all in it',
  'Ctrl-L          draw the screen again',
  'q or Esc        back; at the root Left too',
];

const FILE_KEYS = [
  'arrows, PgUp, PgDn, Space      scroll (k, j, b, f too)',
  'Home, End       go to the start, to the end (g, G too)',
  'x               text or hex',
  'r               read again, after a fault',
  'q, Esc, Left    back; stops reading',
];

const NOTE = ['Bytes are fetched for what is shown.', 'Ctrl-C ends the program, Ctrl-Z suspends it.'];

/** Explains the keys. */
export function helpScreen(): TextScreen {
  const text = ['In the tree', ...indented(TREE_KEYS), '', 'In a file', ...indented(FILE_KEYS), '', ...NOTE];
  return new TextScreen('Keys', text);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
