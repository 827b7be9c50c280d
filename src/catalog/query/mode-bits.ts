import { invalidQuery } from './invalid-query.js';

const ALL = 0o7777;
/** Bits of `x`, `w` and `r` for others. A group's are 3 bits up, the owner's 6. */
const PERMISSIONS: Record<string, number> = { x: 0o1, w: 0o2, r: 0o4 };
const SHIFTS: Record<string, number> = { u: 6, g: 3, o: 0 };
const SET_ID: Record<string, number> = { u: 0o4000, g: 0o2000, o: 0 };
const STICKY = 0o1000;

/**
 * Parses mode bits as chmod(1) does: `6000`, `u+s`, `g+w,o+w`, `a+x`, `+t`.
 * @throws LayerslayerError INVALID_ARGUMENT, also if no bit is left
 */
export function parseModeBits(text: string): number {
  const bits = /^\/?[0-7]{1,4}$/.test(text)
    ? Number.parseInt(text.replace('/', ''), 8)
    : text.split(',').reduce((all, clause) => all | clauseBits(clause, text), 0);
  if (bits > 0 && bits <= ALL) return bits;
  throw notABit(text);
}

function clauseBits(clause: string, text: string): number {
  const [, given, letters] = /^([ugoa]*)[+=]([rwxst]+)$/.exec(clause) ?? [];
  if (letters === undefined) throw notABit(text);
  const classes = given === '' || given!.includes('a') ? 'ugo' : given!;
  let bits = 0;
  for (const letter of letters) {
    if (letter === 't') bits |= STICKY;
    else if (letter === 's') for (const one of classes) bits |= SET_ID[one]!;
    else for (const one of classes) bits |= PERMISSIONS[letter]! << SHIFTS[one]!;
  }
  return bits;
}

function notABit(text: string): Error {
  return invalidQuery(`not mode bits: ${JSON.stringify(text)}: want u+s, g+s, o+w or octal digits as 6000`);
}
