import { wordsOf } from '../command-names.js';
import { COMMANDS } from '../command-table.js';
import { newParser } from './parser.js';

/** yargs allows three slips, which make a command of any shorter word. Paths are none. */
const MISTYPED = /^[a-z]{3,}$/i;

/** Returns the command that yargs suggests for a word that is none, if any. */
export function recommendedCommand(word: string): string | undefined {
  if (!MISTYPED.test(word)) return undefined;
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
