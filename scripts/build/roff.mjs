// Text as a manual page spells it. (groff_char(7), man(7), "Portability")

/** What roff or a terminal would show as another character, or take as a command. */
const ESCAPES = {
  '\\': '\\e',
  '-': '\\-', // else a hyphen: an option that was copied would not work
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
};

/** Columns of a line of text in the page's source; mandoc warns past 80. */
const LINE_WIDTH = 78;

/** Returns text that reads as it is. A period at a line's start is left to `textLines`. */
export function roff(text) {
  return text.replace(/[\\'`^~"-]|[^\x20-\x7e]/gu, (character) => {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    return ESCAPES[character] ?? `\\[u${code}]`;
  });
}

export const bold = (text) => `\\fB${roff(text)}\\fR`;
export const italic = (text) => `\\fI${roff(text)}\\fR`;

/** Words of a synopsis or a value: `[OS/]ARCH` is to be replaced, `ls|rm` to be typed. */
export function usage(text) {
  return text.replace(/([A-Z][A-Z_]*)|([a-z][a-z0-9:.@/-]*)|([^A-Za-z]+)/g, (_, variable, literal, other) => {
    if (variable !== undefined) return italic(variable);
    return literal !== undefined ? bold(literal) : roff(other);
  });
}

/**
 * A sentence of a description: options and what is in backquotes are to be typed.
 * @param variables words that stand for a value, such as IMAGE
 */
export function prose(text, variables) {
  const parts = text.split(/(`[^`]+`|(?<![\w-])--?[a-z][a-z-]*(?:=\w+)?|\b[A-Z]+\b)/);
  return parts.map((part, i) => (i % 2 === 0 ? roff(part) : marked(part, variables))).join('');
}

function marked(part, variables) {
  if (part.startsWith('`')) return bold(part.slice(1, -1));
  if (part.startsWith('-')) return bold(part);
  return variables.has(part) ? italic(part) : roff(part);
}

/** Returns escaped text as lines of a page. A period at a line's start would begin a request. */
export function textLines(escaped) {
  const lines = [];
  for (const word of escaped.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_WIDTH)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines.map(literalLine);
}

/** A line that is shown as it is, such as an example. */
export const literalLine = (escaped) => escaped.replace(/^(?=\.)/, '\\&');
