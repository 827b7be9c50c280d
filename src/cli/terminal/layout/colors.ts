import type { ListedEntry } from '../../../image/records/entry-record.js';
import type { COLOR_CHOICES } from '../../options/listing-options.js';
import type { Output } from '../output/output.js';

export type ColorChoice = (typeof COLOR_CHOICES)[number];

/**
 * Returns whether results are coloured. `auto` means on a terminal, unless the environment refuses
 * (https://no-color.org, `TERM=dumb`). A pager that shows the output counts as the terminal.
 * @param choice value of `--color`; default: auto
 */
export function usesColors(
  choice: ColorChoice | undefined,
  output: Pick<Output, 'resultColumns'>,
  env: NodeJS.ProcessEnv,
): boolean {
  if (choice !== undefined && choice !== 'auto') return choice === 'always';
  return output.resultColumns !== undefined && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Entries that no layer shows any more: dim. */
const HIDDEN_STYLE = '2';

/** GNU `ls` without LS_COLORS (coreutils, src/ls.c, `color_indicator`), by the key there. */
const DEFAULTS = {
  di: '01;34',
  ln: '01;36',
  pi: '33',
  so: '01;35',
  bd: '01;33',
  cd: '01;33',
  su: '37;41',
  sg: '30;43',
  st: '37;44',
  ow: '34;42',
  tw: '30;42',
  ex: '01;32',
  fi: '',
};

type ColorKey = keyof typeof DEFAULTS;

/** Select Graphic Rendition parameters (ECMA-48, 8.3.117). Other values are ignored. */
const SGR = /^\d{1,3}(;\d{1,3})*$/;

/** Maximum bytes of LS_COLORS that count: dircolors(1) writes 1.5 KiB. */
const LS_COLORS_MAX = 64 * 1024;

const DOT = 0x2e;

interface SuffixColor {
  style: string;
  position: number; // in LS_COLORS
}

/** Colours of names by what the entries are, as GNU `ls` paints them. */
export class EntryColors {
  readonly #kinds: Record<ColorKey, string> = { ...DEFAULTS };
  /** By suffix, in lower case: those that begin with a dot, and others (`*~`). */
  readonly #extensions = new Map<string, SuffixColor>();
  readonly #suffixes = new Map<string, SuffixColor>();

  /**
   * @param lsColors `$LS_COLORS`: `di=01;34:*.tar=01;31`. Keys and values that are not known count
   *   as absent. Of several keys for a name the last one counts.
   */
  constructor(lsColors = '') {
    for (const [position, item] of lsColors.slice(0, LS_COLORS_MAX).split(':').entries()) {
      const at = item.lastIndexOf('=');
      const [key, value] = [item.slice(0, at), item.slice(at + 1)];
      if (at === -1 || !(value === '' || SGR.test(value))) continue;
      if (Object.hasOwn(DEFAULTS, key)) this.#kinds[key as ColorKey] = value;
      else if (key.startsWith('*')) {
        const suffixes = key[1] === '.' ? this.#extensions : this.#suffixes;
        suffixes.set(key.slice(1).toLowerCase(), { style: value, position });
      }
    }
  }

  /**
   * Returns the text in the entry's colour.
   * @param name decides by its suffix
   * @param text printable
   */
  paint(entry: Pick<ListedEntry, 'kind' | 'mode'>, name: Uint8Array, text: string): string {
    return painted(text, this.#styleOf(entry, name));
  }

  /** Returns the text of an entry that the image does not show. */
  hidden(text: string): string {
    return painted(text, HIDDEN_STYLE);
  }

  #styleOf({ kind, mode }: Pick<ListedEntry, 'kind' | 'mode'>, name: Uint8Array): string {
    const kinds = this.#kinds;
    if (kind === 'dir') {
      const isSticky = (mode & 0o1000) !== 0;
      // An empty value means that this property gets no colour of its own.
      if ((mode & 0o002) !== 0) return (isSticky ? kinds.tw : kinds.ow) || kinds.di;
      return (isSticky && kinds.st) || kinds.di;
    }
    if (kind === 'symlink') return kinds.ln;
    if (kind === 'fifo') return kinds.pi;
    if (kind === 'block') return kinds.bd;
    if (kind === 'char') return kinds.cd;
    if ((mode & 0o4000) !== 0 && kinds.su !== '') return kinds.su;
    if ((mode & 0o2000) !== 0 && kinds.sg !== '') return kinds.sg;
    if ((mode & 0o111) !== 0 && kinds.ex !== '') return kinds.ex;
    return this.#bySuffix(name) ?? kinds.fi;
  }

  #bySuffix(name: Uint8Array): string | undefined {
    if (this.#extensions.size === 0 && this.#suffixes.size === 0) return undefined;
    const text = Buffer.from(name).toString('latin1').toLowerCase();
    let last: SuffixColor | undefined;
    const take = (found: SuffixColor | undefined) => {
      if (found && found.position >= (last?.position ?? 0)) last = found;
    };
    for (let at = name.indexOf(DOT); at !== -1; at = name.indexOf(DOT, at + 1))
      take(this.#extensions.get(text.slice(at)));
    for (const [suffix, color] of this.#suffixes) if (text.endsWith(suffix)) take(color);
    return last?.style;
  }
}

function painted(text: string, style: string): string {
  return style === '' || text === '' ? text : `\x1b[${style}m${text}\x1b[0m`;
}
