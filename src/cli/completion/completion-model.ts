import type { CommandDeclaration } from '../command-declaration.js';
import { wordsOf } from '../command-names.js';
import type { OptionTable } from '../options/option-table.js';

/** What a shell offers for one word: mountpoints of ours, places of images on this machine … */
export type Offer = 'nothing' | 'files' | 'directories' | 'mounts' | 'image' | `words:${string}`;

export interface CompletedOption {
  names: string[]; // `-l`, `--log-file`
  summary: string;
  values: { name: string; offer: Offer }[]; // empty for a flag
  isRepeatable: boolean;
}

/** A command as a shell knows it. */
export interface CompletedCommand {
  words: string[]; // itself and its aliases
  summary: string;
  options: CompletedOption[];
  positionals: { name: string; offer: Offer; isRepeated: boolean }[];
}

/** Offers by the name of a value, as help shows it. Platforms are the usual ones. */
const OFFERS: Readonly<Record<string, Offer>> = {
  FILE: 'files',
  DIR: 'directories',
  MOUNTPOINT: 'directories',
  'MOUNTPOINT...': 'mounts',
  IMAGE: 'image',
  '[OS/]ARCH[/VARIANT]':
    'words:linux/amd64 linux/arm64 linux/arm/v7 linux/arm/v6 linux/386 linux/ppc64le linux/s390x linux/riscv64',
};

const HELP: OptionTable = { help: { kind: 'flag', short: 'h', summary: 'show help' } };

/** Returns the commands from the tables that the program parses by. */
export function completedCommands(commands: readonly CommandDeclaration[]): CompletedCommand[] {
  return commands.map((command) => ({
    words: wordsOf(command),
    summary: command.summary,
    options: Object.entries({ ...command.options, ...HELP }).map(
      ([name, { kind, short, value = 'VALUE', summary }]) => ({
        names: [...(short === undefined ? [] : [`-${short}`]), `--${name}`],
        summary,
        values: kind === 'flag' ? [] : value.split(' ').map((name) => ({ name, offer: offerFor(name) })),
        isRepeatable: kind === 'list',
      }),
    ),
    positionals: command.positionals.names.split(' ').flatMap((text) => {
      const name = text.replace(/^\[|\.\.\.|\]$/g, '');
      const offer = OFFERS[text] ?? offerFor(name);
      return name === '' ? [] : [{ name, offer, isRepeated: text.includes('...') }];
    }),
  }));
}

/** Lower case is typed as it is: `dev-fuse|fuse-native`. */
function offerFor(name: string): Offer {
  if (/^[a-z-]+(\|[a-z-]+)*$/.test(name)) return `words:${name.replaceAll('|', ' ')}`;
  return OFFERS[name] ?? 'nothing';
}
