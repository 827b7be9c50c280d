// Manual pages, from the table that the command line is read by: layerslayer(1) and one a command.
import { ENVIRONMENT, FILES, OPTION_ITEMS, SECTIONS, TRUST } from './man-facts.mjs';
import { bold, italic, literalLine, prose, roff, textLines, usage } from './roff.mjs';

const PROGRAM = 'layerslayer';

/** Forms of IMAGE, and where such an image is. */
const IMAGES = [
  ['nginx:alpine', 'Docker Hub'],
  ['ghcr.io/owner/name@sha256:...', 'another registry; this image whatever its tags are'],
  ['localhost:5000/name', 'a registry on this machine'],
  ['oci:DIR[:TAG]', 'an OCI layout'],
  ['oci-archive:FILE[:TAG]', 'a tar of an OCI layout'],
  ['docker-archive:FILE[:NAME]', 'a tar that docker save wrote'],
];

const NONE = new Set();
const pageName = (command) => `${PROGRAM}-${command.name}`;
const namesOf = ({ name, aliases = [] }) => [name, ...aliases].map((one) => `${PROGRAM}-${one}`);

/**
 * Returns the pages by the names of their files.
 * @param about `commands`, `describeStatuses` and all error `codes` of the program, its `version`;
 *   `date`: YYYY-MM-DD
 */
export function manPages(about) {
  const pages = [
    [PROGRAM, programPage(about)],
    ...about.commands.flatMap((command) => {
      const page = commandPage(command, about);
      return namesOf(command).map((name) => [name, page]); // `man layerslayer-umount` finds it too
    }),
  ];
  return new Map(pages.map(([name, lines]) => [`${name}.1`, `${lines.join('\n')}\n`]));
}

function commandPage(command, about) {
  const { aliases = [], summary, synopsis, description, options, examples, failures, statusOne } = command;
  const variables = variablesOf(command);
  return [
    ...title(namesOf(command), summary, about),
    '.SH SYNOPSIS',
    ...textLines(`${bold(PROGRAM)} ${usage(synopsis)}`),
    '.SH DESCRIPTION',
    ...paragraphs(description, variables),
    ...(aliases.length > 0 ? ['.PP', `Also: ${aliases.map(bold).join(', ')}.`] : []),
    '.SH OPTIONS',
    ...Object.entries(options).flatMap(([name, spec]) => optionItem(name, spec, variables)),
    ...item(`${bold('-h')}, ${bold('--help')}`, 'show this'),
    '.SH EXIT STATUS',
    ...statuses(about.describeStatuses(failures, statusOne)),
    ...facts('ENVIRONMENT', ENVIRONMENT, command),
    ...facts('FILES', FILES, command),
    ...(SECTIONS[command.name] ?? []).flatMap((section) => moreSection(section, variables)),
    '.SH EXAMPLES',
    ...literalLines(examples),
    '.SH SEE ALSO',
    `.BR ${PROGRAM} (1)`,
  ];
}

function programPage(about) {
  const { commands, describeStatuses, codes } = about;
  return [
    ...title([PROGRAM], 'mount container images from registries, and look into them', about),
    '.SH SYNOPSIS',
    `${bold(PROGRAM)} ${usage('COMMAND [OPTIONS]')} ...`,
    '.br',
    `${bold(PROGRAM)} ${usage('IMAGE MOUNTPOINT')}`,
    '.SH DESCRIPTION',
    'Mounts a container image straight from its registry as a read\\-only file',
    'system, without pulling it, and shows what is in it.',
    `Two bare arguments are ${bold('mount')}.`,
    '.SS Commands',
    'Each has a page of its own.',
    ...commands.flatMap(({ name, summary }) => item(bold(name), prose(summary, NONE))),
    '.SS Images',
    `${italic('IMAGE')} is one of these:`,
    ...IMAGES.flatMap(([form, where]) => item(usage(form), roff(where))),
    '.SS Trust',
    ...textLines(prose('--index says which layer indexes and tables made by others a command uses:', NONE)),
    ...OPTION_ITEMS.index.flatMap(([word, meaning]) => item(bold(word), prose(meaning, NONE))),
    ...TRUST.flatMap((text) => ['.PP', ...textLines(prose(text, NONE))]),
    '.SH OPTIONS',
    ...item(`${bold('-h')}, ${bold('--help')}`, 'show the commands; after a command, its options'),
    ...item(bold('--version'), 'show the version'),
    '.SH EXIT STATUS',
    ...statuses(describeStatuses(codes)),
    ...facts('ENVIRONMENT', ENVIRONMENT),
    ...facts('FILES', FILES),
    '.SH SEE ALSO',
    ...commands.map(
      (command, i) => `.BR ${roff(pageName(command))} (1)${i + 1 < commands.length ? ',' : ''}`,
    ),
  ];
}

/** @param names of the page; the first is its title */
const title = (names, summary, { version, date }) => [
  '.\\" Made by scripts/build/man-pages.mjs from the table of commands.',
  `.TH ${roff(names[0].toUpperCase())} 1 ${date} "${PROGRAM} ${version}" "${PROGRAM} manual"`,
  '.nh', // a word that is divided can't be copied
  '.ad l',
  '.SH NAME',
  ...textLines(`${names.map(roff).join(', ')} \\- ${roff(summary)}`),
];

/** Words of a command that stand for a value. */
function variablesOf({ synopsis, options }) {
  const texts = [synopsis, ...Object.values(options).map(({ value = '' }) => value)];
  return new Set(texts.flatMap((text) => text.match(/[A-Z]+/g) ?? []));
}

/** A line of a description is a paragraph; `ls   lists it` is an item of a list. */
function paragraphs(description, variables) {
  return description.split('\n').flatMap((line, i) => {
    const [, word, text] = /^(\S+) {2,}(.+)$/.exec(line) ?? [];
    if (word !== undefined) return item(bold(word), prose(text, variables));
    return [...(i === 0 ? [] : ['.PP']), ...textLines(prose(line, variables))];
  });
}

function optionItem(name, { short, value, ifBare, kind, summary, default: fallback }, variables) {
  const given = ifBare === undefined ? ` ${value}` : `[=${value}]`;
  const suffix = value === undefined ? '' : usage(given);
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
  const notes = [
    ...(kind === 'list' && !summary.includes('repeated') ? ['may be repeated'] : []),
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
  ];
  const text = notes.length === 0 ? summary : `${summary} (${notes.join('; ')})`;
  const head = names.map((one) => bold(one) + suffix).join(', ');
  const values = (OPTION_ITEMS[name] ?? []).flatMap(([word, meaning]) =>
    item(bold(word), prose(meaning, variables)),
  );
  return [...item(head, prose(text, variables)), ...(values.length > 0 ? ['.RS', ...values, '.RE'] : [])];
}

/** @param command only its facts; default: all */
function facts(heading, known, command) {
  const isWanted = ({ option, only }) => only === command.name || option in command.options;
  const wanted = command === undefined ? known : known.filter(isWanted);
  if (wanted.length === 0) return [];
  const items = wanted.flatMap(({ names, text }) => item(names.map(bold).join(', '), prose(text, NONE)));
  return [`.SH ${heading}`, ...items];
}

function moreSection([heading, ...parts], variables) {
  return [
    `.SH ${heading}`,
    ...parts.flatMap(({ title, paragraphs, lines = [] }) => [
      title === undefined ? '.PP' : `.SS "${roff(title)}"`,
      ...paragraphs.flatMap((text, i) => [...(i === 0 ? [] : ['.PP']), ...textLines(prose(text, variables))]),
      ...(lines.length > 0 ? ['.PP', ...literalLines(lines)] : []),
    ]),
  ];
}

/** Lines to be typed. */
const literalLines = (lines) => ['.nf', ...lines.map((line) => literalLine(roff(line))), '.fi'];

const item = (head, text) => ['.TP', head, ...textLines(text)];

/** @param lines `   10  no such image`, as `--help` has them */
const statuses = (lines) =>
  lines.flatMap((line) => {
    const [, status, meaning] = /^ *(\d+) +(.+)$/.exec(line);
    return item(bold(status), roff(meaning));
  });
