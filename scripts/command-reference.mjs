#!/usr/bin/env node
// command-reference.mjs [--check] [PAGE]: writes src/cli/COMMANDS.md from the commands' own tables, as they were built last. With
// --check it only fails when the page is not what they say now: the build ends with that.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../dist/cli/command-table.js';
import { describeStatuses } from '../dist/cli/process/exit-status.js';

const PAGE = fileURLToPath(new URL('../src/cli/COMMANDS.md', import.meta.url));
const [page = PAGE] = process.argv.slice(2).filter((word) => word !== '--check');

const INTRODUCTION = `# Commands

Made by \`npm run reference\` from the tables that the program reads its command line by; \`layerslayer COMMAND --help\` says the same.

\`IMAGE\` is \`nginx:alpine\`, \`ghcr.io/owner/name@sha256:…\`, \`localhost:5000/name\`, or on this machine \`oci:DIR[:TAG]\`,
\`oci-archive:FILE[:TAG]\`, \`docker-archive:FILE[:NAME]\`. Two bare arguments without a command are \`mount\`.`;

function commandSection(command) {
  const { aliases = [] } = command;
  return [
    `## ${command.name}`,
    '',
    `    layerslayer ${command.synopsis}`,
    '',
    ...(aliases.length > 0 ? [`Also: ${aliases.map((word) => `\`${word}\``).join(', ')}.`, ''] : []),
    ...indented(command.description.split('\n').flatMap(wrapped)),
    '',
    ...optionTable(command.options),
    'Examples:',
    '',
    ...indented(command.examples),
    '',
    'Exit status:',
    '',
    ...indented(describeStatuses(command.failures, command.statusOne)),
  ];
}

function optionTable(options) {
  const entries = Object.entries(options);
  if (entries.length === 0) return [];
  const rows = entries.map(([name, spec]) => {
    const names = [`--${name}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])];
    const value = spec.value === undefined ? '' : spec.ifBare ? `[=${spec.value}]` : ` ${spec.value}`;
    const repeated = spec.kind === 'list' ? '; may be repeated' : '';
    const summary = spec.summary.includes('repeated') ? spec.summary : spec.summary + repeated;
    const told = [names.map((one) => `\`${one}${value}\``).join(', '), summary, spec.default ?? ''];
    return `| ${told.map(cell).join(' | ')} |`;
  });
  return ['| option | meaning | default |', '|---|---|---|', ...rows, ''];
}

const cell = (text) => text.replaceAll('|', '\\|');
/** The lines of a paragraph, of 96 columns at most. */
const wrapped = (paragraph) => paragraph.match(/.{1,96}(?: |$)/g);
const indented = (lines) => lines.map((line) => `    ${line}`.trimEnd());

function reference() {
  const list = COMMANDS.map(({ name, summary }) => `- [${name}](#${name}): ${summary}`);
  const sections = COMMANDS.map((command) => commandSection(command).join('\n'));
  return `${[INTRODUCTION, list.join('\n'), ...sections].join('\n\n')}\n`;
}

const text = reference();
if (process.argv.includes('--check')) {
  if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
    console.error(`${page} is not what the commands say: npm run reference`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, text);
}
