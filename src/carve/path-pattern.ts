import { resolvePath } from '../overlay/resolve-path.js';
import type { Tree } from '../overlay/tree.js';

/**
 * Paths with wildcards, as a shell reads them (POSIX, 2.13): `*` and `?` within one component, `[a-z]`, `[!a-z]`, and a
 * backslash that takes away their meaning; a name's leading dot wants one in the pattern.
 */
export function isPattern(text: string): boolean {
  return /(^|[^\\])(\\\\)*[*?[]/.test(text);
}

/** Without the backslashes before what would be wildcards, and before backslashes. */
export function unescapedPath(text: string): string {
  return text.replace(/\\([*?[\]\\])/g, '$1');
}

/**
 * The paths of a tree that a pattern matches, in the order of their directories. Directories on the way may be symlinks.
 * @returns components as they are matched, symlinks not resolved
 */
export function matchPattern(tree: Tree, pattern: string): Uint8Array[][] {
  let paths: Uint8Array[][] = [[]];
  for (const part of pattern.split('/')) {
    if (part === '') continue;
    if (!isPattern(part)) {
      const name = Buffer.from(unescapedPath(part));
      paths = paths.map((path) => [...path, name]);
      continue;
    }
    const matcher = compile(part);
    paths = paths.flatMap((path) =>
      childrenOf(tree, path)
        .filter(matcher)
        .map((name) => [...path, name]),
    );
  }
  return paths.filter((path) => isThere(tree, path));
}

function childrenOf(tree: Tree, path: readonly Uint8Array[]): Uint8Array[] {
  const resolved = resolvePath(tree, path);
  if (resolved.kind !== 'found' || tree.kind(resolved.inode) !== 'dir') return [];
  const names: Uint8Array[] = [];
  for (let at = tree.childStart(resolved.inode); at < tree.childEnd(resolved.inode); at++) {
    names.push(new Uint8Array(tree.dentryName(at)));
  }
  return names.sort(Buffer.compare);
}

/** Also when it is a symlink to nothing: whoever asked hears of it. */
function isThere(tree: Tree, path: readonly Uint8Array[]): boolean {
  const name = path.at(-1);
  if (name === undefined) return true;
  const parent = resolvePath(tree, path.slice(0, -1));
  if (parent.kind !== 'found' || tree.kind(parent.inode) !== 'dir') return false;
  if (/^\.\.?$/.test(Buffer.from(name).toString('latin1'))) return true;
  return tree.lookup(parent.inode, name) !== 0;
}

type Piece = '*' | ((character: string) => boolean);

const DOT = '.';

/** Says of a name whether it matches. Linear in name times pattern: no name makes it slow. */
function compile(part: string): (name: Uint8Array) => boolean {
  const pieces = parse([...part]);
  const wantsDot = part.startsWith(DOT) || part.startsWith('\\.');
  return (name) => {
    const characters = [...textOf(name)];
    return (characters[0] !== DOT || wantsDot) && matches(pieces, characters);
  };
}

/** A name that is not UTF-8 is taken byte by byte. */
function textOf(name: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return Buffer.from(name).toString('latin1');
  }
}

function parse(pattern: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '*') {
      pieces.push('*');
    } else if (character === '?') {
      pieces.push(() => true);
    } else if (character === '[' && pattern.indexOf(']', at + 2) !== -1) {
      // A `]` right after the bracket (or its `!`) is a member.
      const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^';
      const first = at + (negated ? 2 : 1);
      const end = pattern.indexOf(']', first + 1);
      if (end === -1) {
        pieces.push((other) => other === character);
        continue;
      }
      const members = pattern.slice(first, end);
      pieces.push((other) => isMember(members, other) !== negated);
      at = end;
    } else {
      const literal = character === '\\' && at + 1 < pattern.length ? pattern[++at]! : character;
      pieces.push((other) => other === literal);
    }
  }
  return pieces;
}

function isMember(members: readonly string[], character: string): boolean {
  for (let at = 0; at < members.length; at++) {
    if (members[at + 1] === '-' && at + 2 < members.length) {
      const [from, to] = [members[at]!, members[at + 2]!].map((one) => one.codePointAt(0)!);
      const code = character.codePointAt(0)!;
      if (code >= from! && code <= to!) return true;
      at += 2;
    } else if (members[at] === character) {
      return true;
    }
  }
  return false;
}

/** Goes back to the last `*` only: what an earlier one took is never of use again. */
function matches(pieces: readonly Piece[], characters: readonly string[]): boolean {
  let piece = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < characters.length; ) {
    const wanted = pieces[piece];
    if (wanted === '*') {
      star = piece++;
      resume = at;
    } else if (wanted?.(characters[at]!)) {
      piece++;
      at++;
    } else if (star !== -1) {
      piece = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (pieces[piece] === '*') piece++;
  return piece === pieces.length;
}
