import { type CommandName, commandNamed } from './command-names.js';
import { MOUNT_OPTIONS } from './mount-command-options.js';
import { valueOptions } from './option-table.js';

/** What the words of the command line ask for. */
export type Choice =
  | { kind: 'command'; name: CommandName; words: string[]; isMountHelper: boolean }
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'nothing'; bare: string | undefined };

/**
 * Finds the command: the first word that is neither an option nor an option's value. Without a command word, two bare
 * arguments are `mount`: so mount(8) calls a helper (`layerslayer IMAGE DIR -o rw,dev,suid`).
 * @param words the arguments of the program
 */
export function chooseCommand(words: readonly string[]): Choice {
  const bare = bareWords(words);
  const first = bare[0];
  const name = first === undefined ? undefined : commandNamed(words[first]!);
  if (first !== undefined && name !== undefined) {
    const rest = [...words.slice(0, first), ...words.slice(first + 1)];
    return { kind: 'command', name, words: rest, isMountHelper: false };
  }
  if (bare.length >= 2) return { kind: 'command', name: 'mount', words: [...words], isMountHelper: true };
  if (asks(words, '--help', '-h')) return { kind: 'help' };
  if (asks(words, '--version')) return { kind: 'version' };
  return { kind: 'nothing', bare: first === undefined ? undefined : words[first] };
}

/** Positions of the words that are neither options nor values of options; all words after `--` are bare. */
function bareWords(words: readonly string[]): number[] {
  const takesValue = valueOptions(MOUNT_OPTIONS);
  const bare: number[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') {
      for (let j = i + 1; j < words.length; j++) bare.push(j);
      break;
    }
    if (takesValue.has(word)) i++;
    else if (!word.startsWith('-') || word === '-') bare.push(i);
    // Of a group of short options (`-fl FILE`) only the last can take the next word.
    else if (/^-[a-z]{2,}$/i.test(word) && takesValue.has(`-${word.at(-1)}`)) i++;
  }
  return bare;
}

/** Whether one of the flags stands before `--`. */
export function asks(words: readonly string[], ...flags: string[]): boolean {
  const end = words.indexOf('--');
  return (end === -1 ? words : words.slice(0, end)).some((word) => flags.includes(word));
}
