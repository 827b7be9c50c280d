import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandDeclaration } from '../command-declaration.js';
import type { OptionTable } from '../options/option-table.js';
import { describeStatuses } from '../process/exit-status.js';

const PROGRAM = 'layerslayer';

/** Where the summaries of options begin; a longer name has its summary on the next line. */
const SUMMARY_COLUMN = 34;

/** `--help` of one command. */
export function commandHelp(command: CommandDeclaration): string {
  return [
    `usage: ${PROGRAM} ${command.synopsis}`,
    '',
    command.description,
    '',
    'options:',
    ...optionLines(command.options),
    `  -h, --help${' '.repeat(SUMMARY_COLUMN - 12)}show this`,
    '',
    'examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
    'exit status:',
    ...describeStatuses(command.failures),
    '',
  ].join('\n');
}

function optionLines(table: OptionTable): string[] {
  return Object.entries(table).map(([name, spec]) => {
    const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
    const head = `  ${short}--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`;
    const summary = spec.default === undefined ? spec.summary : `${spec.summary} (default: ${spec.default})`;
    const gap = ' '.repeat(SUMMARY_COLUMN);
    return (head.length < SUMMARY_COLUMN ? head.padEnd(SUMMARY_COLUMN) : `${head}\n${gap}`) + summary;
  });
}

/** `--help` of the program. */
export function programHelp(commands: readonly { synopsis: string; summary: string }[]): string {
  const width = Math.max(...commands.map(({ synopsis }) => synopsis.length));
  return [
    `usage: ${PROGRAM} COMMAND [OPTIONS] …`,
    '',
    'Mounts a container image straight from its registry as a read-only file system, and shows what is in it.',
    '',
    'commands:',
    ...commands.map(({ synopsis, summary }) => `  ${synopsis.padEnd(width)}  ${summary}`),
    '',
    `Two bare arguments are \`mount\`: ${PROGRAM} IMAGE MOUNTPOINT.`,
    'IMAGE is nginx:alpine, ghcr.io/o/r@sha256:…, localhost:5000/x, or on this machine oci:DIR[:TAG],',
    'oci-archive:FILE[:TAG], docker-archive:FILE[:NAME].',
    'The flags of the Python tool of this name work too: -t IMAGE with --peek-all, --bulk-peek, --peek-layer all|N,',
    '--save-all, -f PATH, -o DIR, --simple-output, --interactive.',
    `\`${PROGRAM} COMMAND --help\` shows the options of a command; --version the version.`,
    '',
    'exit status:',
    ...describeStatuses([]),
    '        and those of the command',
    '',
  ].join('\n');
}

/** Returns `layerslayer 1.2.3`, of the package that the program (`dist/bin/`) is part of. */
export function versionLine(): string {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return `${PROGRAM} ${version}`;
}
