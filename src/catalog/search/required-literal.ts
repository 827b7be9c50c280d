/** Characters that have bytes of other lengths in another case: the Kelvin sign, the long s. */
const ODD_CASES = 'ks';

const ABOVE_ASCII = 0x80;
const QUANTIFIERS = '*?{';

/**
 * Returns the longest text that each match of a regular expression contains, within one component
 * of a path. It reads only what is plain: groups, classes and escapes of letters end a text, and an
 * alternative or a flag anywhere means that there is none.
 * @param ignoresCase the text is in lower case
 */
export function requiredLiteral(expression: string, ignoresCase: boolean): string {
  if (/\||\(\?|\\[Q0-9a-zA-Z]/.test(expression.replace(/\\[dDsSwWbB]/g, '.'))) return '';
  let longest = '';
  let run: string[] = [];
  let depth = 0;
  const end = () => {
    const text = run.join('');
    if (text.length > longest.length) longest = text;
    run = [];
  };
  const characters = Array.from(expression);
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at]!;
    if (character === '[') {
      end();
      at = classEnd(characters, at);
      continue;
    }
    const isEscape = character === '\\';
    if (isEscape) character = characters[++at] ?? '';
    if (!isEscape && QUANTIFIERS.includes(character)) {
      run.pop(); // it may be missing
      end();
      if (character === '{') while (at < characters.length && characters[at] !== '}') at++;
      continue;
    }
    if (!isEscape && character === '(') depth++;
    if (!isEscape && character === ')') depth--;
    const isSpecial = isEscape ? /[a-zA-Z]/.test(character) : '.^$+()/'.includes(character);
    const plain = isSpecial || character === '/' ? '' : plainCase(character, ignoresCase);
    if (plain === '' || depth > 0) end();
    else run.push(plain);
  }
  end();
  return longest;
}

/** @returns the position of the bracket that closes the class at `open` */
function classEnd(characters: readonly string[], open: number): number {
  let at = open + 1;
  if (characters[at] === '^') at++;
  if (characters[at] === ']') at++;
  for (; at < characters.length && characters[at] !== ']'; at++) {
    if (characters[at] === '\\') at++;
    // `[[:alpha:]]`
    if (characters[at] === '[' && characters[at + 1] === ':') {
      while (at < characters.length && !(characters[at] === ':' && characters[at + 1] === ']')) at++;
      at++;
    }
  }
  return at;
}

function plainCase(character: string, ignoresCase: boolean): string {
  if (!ignoresCase) return character;
  const lower = character.toLowerCase();
  return lower.charCodeAt(0) < ABOVE_ASCII && !ODD_CASES.includes(lower) ? lower : '';
}
