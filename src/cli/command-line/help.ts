import type { CommandDeclaration } from '../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_OPTIONS } from '../options/image-options.js';
import { type OptionSpec, type OptionTable, shortOption } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { describeStatuses } from '../process/exit-status.js';
import { newParser, PROGRAM } from './parser.js';
import { programVersion } from './program-version.js';

/** Columns of help, unless the terminal has fewer. */
const WIDTH = 80;
/** Columns that the names of options and their texts need at least. */
const MIN_WIDTH = 40;

const HELP: OptionTable = { help: { kind: 'flag', short: 'h', summary: 'show this' } };
/** Of a command whose `-h` is another option. */
const LONG_HELP: OptionTable = { help: { kind: 'flag', summary: 'show this' } };

/** `--help` of one command, laid out by yargs. */
export async function commandHelp(command: CommandDeclaration): Promise<string> {
  const help = newHelp(command.synopsis, command.description);
  const own = shortOption(command.options, 'h') === undefined ? HELP : LONG_HELP;
  for (const [name, spec] of Object.entries({ ...command.options, ...own })) {
    const alias = spec.short === undefined ? {} : { alias: spec.short };
    // yargs shows a digit with one dash only if it knows that the option is a flag.
    const type = /\d/.test(spec.short ?? '') ? ({ type: 'boolean' } as const) : {};
    const shown = { describe: textOf(spec), group: groupOf(name, spec), ...alias, ...type };
    help.option(titleOf(name, spec), shown);
  }
  for (const example of command.examples) help.example(example, '');
  const statuses = describeStatuses(command.failures, command.statusOne);
  help.epilogue(['Exit status:', ...statuses].join('\n'));
  return (await help.getHelp()).replace(/ +\[boolean\]$/gm, '');
}

/** yargs shows no names of values, so the option's name has it: `memory SIZE`. */
function titleOf(name: string, { value, ifBare }: OptionSpec): string {
  if (value === undefined) return name;
  const shown = isChoice(value) ? 'KIND' : value;
  return ifBare === undefined ? `${name} ${shown}` : `${name}[=${shown}]`;
}

/** The default stands in the text: a column of its own would leave too little room for both. */
function textOf(spec: OptionSpec): string {
  const notes = [
    ...(spec.value !== undefined && isChoice(spec.value) ? [spec.value] : []),
    ...(spec.default === undefined ? [] : [`default: ${spec.default}`]),
  ];
  return notes.length === 0 ? spec.summary : `${spec.summary} (${notes.join('; ')})`;
}

/** Words to choose from, which would make the column of names too wide. */
const isChoice = (value: string) => /^[a-z-]+(\|[a-z-]+)+$/.test(value);

/** Options that several commands share come after those of the command. */
function groupOf(name: string, spec: OptionSpec): string {
  const isIn = (table: OptionTable) => Object.hasOwn(table, name) && table[name] === spec;
  if (isIn(COMMON_OPTIONS) || isIn(HELP) || isIn(LONG_HELP)) return 'Common options:';
  return isIn(IMAGE_OPTIONS) ? 'Options for images:' : 'Options:';
}

const ABOUT =
  'Mounts a container image straight from its registry as a read-only file system, and shows what is in it.';

const NOTES = [
  `Two bare arguments are \`mount\`: ${PROGRAM} IMAGE MOUNTPOINT.`,
  'IMAGE is nginx:alpine, ghcr.io/o/r@sha256:..., localhost:5000/x, or on this machine oci:DIR[:TAG], ' +
    'oci-archive:FILE[:TAG], docker-archive:FILE[:NAME].',
  'The flags of the Python tool of this name work too: -t IMAGE with --peek-all, --bulk-peek, ' +
    '--peek-layer all|N, --save-all, -f PATH, -o DIR, --simple-output, --interactive.',
];

const EXAMPLES = [`${PROGRAM} mount nginx:alpine /mnt/img`, `${PROGRAM} carve nginx:alpine /etc/passwd`];

/** `--help` of the program. */
export function programHelp(commands: readonly CommandDeclaration[]): Promise<string> {
  const help = newHelp('COMMAND [OPTIONS] ...', ABOUT).scriptName('');
  for (const { name, positionals, summary } of commands) {
    help.command(`${name} ${positionals.names}`.trimEnd(), summary);
  }
  help.option('help', { alias: 'h', describe: "show this, or a command's options: COMMAND --help" });
  help.option('version', { describe: 'show the version' });
  for (const example of EXAMPLES) help.example(example, '');
  const statuses = ['Exit status:', ...describeStatuses([]), '       and those of the command'];
  return help.epilogue([...NOTES, '', ...statuses].join('\n')).getHelp();
}

function newHelp(synopsis: string, description: string) {
  // Some terminals say that they have 0 columns.
  const width = Math.min(WIDTH, Math.max(MIN_WIDTH, process.stdout.columns || WIDTH));
  return newParser(usageError).wrap(width).usage(`Usage: ${PROGRAM} ${synopsis}\n\n${description}`);
}

/** Returns `layerslayer 1.2.3`. */
export function versionLine(): string {
  return `${PROGRAM} ${programVersion()}`;
}
