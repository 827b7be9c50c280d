import type { CommandDeclaration } from '../command-declaration.js';
import { commandNamed, wordsOf } from '../command-names.js';
import { COMMANDS } from '../command-table.js';
import { MOUNT } from '../commands/mount/declaration.js';
import { type ArgumentSpec, type OptionTable, shortOption } from '../options/option-table.js';
import { argumentOffers } from './argument-offers.js';
import { type Cursor, findCursor, type TypedWords } from './cursor.js';
import type { Place } from './known.js';
import { NOTHING, type Offers, offerWords } from './offers.js';

const HELP: OptionTable = { help: { kind: 'flag', short: 'h', summary: 'show help' } };
const LONG_HELP: OptionTable = { help: { kind: 'flag', summary: 'show help' } };
const TOP_LEVEL: OptionTable = { ...HELP, version: { kind: 'flag', summary: 'show the version' } };

/** Returns what the word under the cursor may become, by the tables that the program parses by. */
export async function offersFor(line: TypedWords, place: Place): Promise<Offers> {
  // Options may stand before the command.
  const top = findCursor(line, Object.assign({}, ...COMMANDS.map(({ options }) => options)));
  const [first] = top.positionals;
  if (first === undefined || first.text === 'help') return topLevelOffers(line, top, place);
  const name = commandNamed(first.text);
  // Two bare arguments are `mount`.
  if (name === undefined) return commandOffers(line, MOUNT, place);
  const command = COMMANDS.find((one) => one.name === name)!;
  return commandOffers({ before: line.before.toSpliced(first.at, 1), word: line.word }, command, place);
}

async function topLevelOffers({ word }: TypedWords, { wanted, values }: Cursor, place: Place) {
  if (wanted.kind === 'option') return optionOffers(word, TOP_LEVEL, values);
  if (wanted.kind === 'value') return argumentOffers(word, wanted, { values, place });
  if (wanted.number > 1) return NOTHING; // after `help COMMAND`
  const words = COMMANDS.flatMap((command) =>
    wordsOf(command).map((text) => ({ text, summary: command.summary })),
  );
  return offerWords(word, '', words);
}

function commandOffers(line: TypedWords, command: CommandDeclaration, place: Place) {
  const { options, positionals, arguments: specs } = command;
  const { wanted, values, positionals: given } = findCursor(line, options);
  const help = shortOption(options, 'h') === undefined ? HELP : LONG_HELP;
  if (wanted.kind === 'option') return optionOffers(line.word, { ...options, ...help }, values);
  if (wanted.kind === 'value') return argumentOffers(line.word, wanted, { values, place });
  const spec = specAt(specs, wanted.number);
  if (spec === undefined || wanted.number >= positionals.max) return NOTHING;
  const image = given.findLast((_, i) => specAt(specs, i)?.takes === 'image')?.text;
  return argumentOffers(line.word, { spec, prefix: '' }, { values, place, image });
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
