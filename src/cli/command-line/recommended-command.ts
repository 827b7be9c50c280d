import { wordsOf } from '../command-names.js';
import { COMMANDS } from '../command-table.js';
import { newParser } from './parser.js';

/** Returns the command that yargs suggests for a word that is none, if any. */
export function recommendedCommand(word: string): string | undefined {
  if (word.startsWith('-')) return undefined; // `layerslayer -- -x`
  let recommended: string | undefined;
  const parser = newParser((message) => {
    recommended = message;
    return new Error(message);
  });
  for (const command of COMMANDS) parser.command(wordsOf(command), command.summary);
  try {
    parser.recommendCommands().parseSync([word]);
  } catch {
    // The suggestion is the message of a fault.
  }
  return recommended;
}
