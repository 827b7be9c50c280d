import type { Command } from '../command.js';
import { COMMAND_NAMES, type CommandName, commandNamed } from '../command-names.js';
import { MOUNT_OPTIONS } from '../image-options.js';
import { loadAllCommands, loadCommand } from '../load-command.js';
import type { ArgumentSpec, OptionTable } from '../option-table.js';
import { argumentOffers } from './argument-offers.js';
import { type Cursor, findCursor, type TypedWords } from './cursor.js';
import type { Asked } from './known.js';
import { NOTHING, type Offers, offerWords } from './offers.js';

const HELP: OptionTable = { help: { kind: 'flag', short: 'h', summary: 'show help' } };
const TOP_LEVEL: OptionTable = { ...HELP, version: { kind: 'flag', summary: 'show the version' } };

/** Returns what the word under the cursor may become, by the tables that the program parses by. */
export async function offersFor(line: TypedWords, asked: Asked): Promise<Offers> {
  // Options may stand before the command.
  const top = findCursor(line, MOUNT_OPTIONS);
  const [first] = top.positionals;
  if (first === undefined || first.text === 'help') return topLevelOffers(line, top, asked);
  const name = commandNamed(first.text);
  // Two bare arguments are `mount`.
  if (name === undefined) return commandOffers(line, await loadCommand('mount'), asked);
  const before = line.before.toSpliced(first.at, 1);
  return commandOffers({ before, word: line.word }, await loadCommand(name), asked);
}

async function topLevelOffers({ word }: TypedWords, { wanted, values }: Cursor, asked: Asked) {
  if (wanted.kind === 'option') return optionOffers(word, TOP_LEVEL, values);
  if (wanted.kind === 'value') return argumentOffers(word, wanted, { values, asked });
  if (wanted.number > 1) return NOTHING;
  const commands = asked.needsSummaries ? await loadAllCommands() : [];
  const summaries = new Map(commands.map(({ name, summary }) => [name as CommandName, summary]));
  const candidates = Object.entries(COMMAND_NAMES).map(([text, name]) => {
    const summary = summaries.get(name);
    return { text, ...(summary !== undefined && { summary }) };
  });
  return offerWords(word, '', candidates);
}

function commandOffers(line: TypedWords, { options, positionals }: Command, asked: Asked) {
  const { wanted, values, positionals: given } = findCursor(line, options);
  if (wanted.kind === 'option') return optionOffers(line.word, { ...options, ...HELP }, values);
  if (wanted.kind === 'value') return argumentOffers(line.word, wanted, { values, asked });
  if (wanted.number >= positionals.max) return NOTHING;
  const spec = positionals.each[wanted.number] ?? positionals.each.at(-1);
  if (spec === undefined) return NOTHING;
  const image = given.findLast((_, i) => specAt(positionals.each, i)?.takes === 'image')?.text;
  return argumentOffers(line.word, { spec, prefix: '' }, { values, asked, image });
}

function specAt(each: readonly ArgumentSpec[], number: number): ArgumentSpec | undefined {
  return each[number] ?? each.at(-1);
}

/** Offers names of options that were not given yet, or may be given again. */
function optionOffers(word: string, table: OptionTable, given: ReadonlyMap<string, string>): Offers {
  const left = Object.entries(table).filter(([name, { kind }]) => kind === 'list' || !given.has(name));
  const candidates = left.flatMap(([name, { short, summary }]) => [
    { text: `--${name}`, summary },
    ...(short === undefined ? [] : [{ text: `-${short}`, summary }]),
  ]);
  return offerWords(word, '', candidates);
}
