import type { Command } from './command.js';
import { COMMAND_NAMES } from './command-names.js';

/** What a shell offers for one word. */
export type Offer =
  | { kind: 'nothing' } // it is not known here: a tag, a size
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'files' }
  | { kind: 'directories' }
  | { kind: 'mounts' } // mountpoints of ours
  | { kind: 'image' }; // a place on this machine; registries are not asked

export interface CompletedOption {
  names: string[]; // `-l`, `--log-file`
  summary: string;
  values: { name: string; offer: Offer }[]; // what follows it; empty for a flag
  isRepeatable: boolean;
}

/** A command as a shell knows it. */
export interface CompletedCommand {
  words: string[]; // itself and its aliases
  summary: string;
  options: CompletedOption[];
  positionals: { name: string; offer: Offer; isRepeated: boolean }[];
}

/** The platforms that images are made for most; others can be typed. */
const PLATFORMS = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/386',
  'linux/ppc64le',
  'linux/s390x',
  'linux/riscv64',
];

const HELP: CompletedOption = {
  names: ['-h', '--help'],
  summary: 'show help',
  values: [],
  isRepeatable: false,
};

/** All that is known of commands: the tables from which they are parsed. */
export function completedCommands(commands: readonly Command[]): CompletedCommand[] {
  return commands.map(({ name, summary, options, positionals }) => ({
    words: Object.entries(COMMAND_NAMES).flatMap(([word, command]) => (command === name ? [word] : [])),
    summary,
    options: [
      ...Object.entries(options).map(([name, { kind, short, value, summary }]) => ({
        names: [...(short === undefined ? [] : [`-${short}`]), `--${name}`],
        summary,
        values:
          kind === 'flag'
            ? []
            : (value ?? 'VALUE').split(' ').map((name) => ({ name, offer: offerFor(name) })),
        isRepeatable: kind === 'list',
      })),
      HELP,
    ],
    positionals: positionals.names.split(' ').flatMap((text) => {
      const name = text.replace(/^\[|\.\.\.|\]$/g, '');
      const offer: Offer = text === 'MOUNTPOINT...' ? { kind: 'mounts' } : offerFor(name);
      return name === '' ? [] : [{ name, offer, isRepeated: text.includes('...') }];
    }),
  }));
}

/** By the name of a value, as help shows it; lower case is what is to be typed. */
function offerFor(name: string): Offer {
  if (/^[a-z-]+(\|[a-z-]+)*$/.test(name)) return { kind: 'words', words: name.split('|') };
  switch (name) {
    case 'FILE':
      return { kind: 'files' };
    case 'DIR':
    case 'MOUNTPOINT':
      return { kind: 'directories' };
    case 'IMAGE':
      return { kind: 'image' };
    case '[OS/]ARCH[/VARIANT]':
      return { kind: 'words', words: PLATFORMS };
    default:
      return { kind: 'nothing' };
  }
}
