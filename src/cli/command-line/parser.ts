import yargs, { type Argv } from 'yargs';

export const PROGRAM = 'layerslayer';

/** What a message begins with that names what it is about. `parse-arguments.ts` completes it. */
export const UNKNOWN_OPTION = 'unknown option: ';
export const MISSING_VALUE = 'value missing: ';
export const SURPLUS_VALUE = 'value not wanted: ';

/**
 * yargs' messages in the words of this program, whatever the locale is. Its type has no room for
 * messages with a plural.
 */
const WORDING: Record<string, unknown> = {
  'Unknown argument: %s': { one: `${UNKNOWN_OPTION}%s`, other: `${UNKNOWN_OPTION}%s` },
  'Not enough arguments following: %s': `${MISSING_VALUE}%s`,
  'Argument unexpected for: %s': `${SURPLUS_VALUE}%s`,
  'Did you mean %s?': '%s',
};

/** Words stay as they were typed: no numbers, no objects, no second names, no `--no-x`. */
const AS_TYPED = {
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'dot-notation': false,
  'boolean-negation': false,
  'camel-case-expansion': false,
};

/**
 * Returns a yargs without commands and options. It prints nothing, ends no process and reads no
 * file.
 * @param fault makes the error to throw of a message: with a handler that returns, yargs would
 *   continue with what it refused
 */
export function newParser(fault: (message: string) => Error): Argv {
  // Its own default asks for the working directory, which may be gone.
  return yargs([], '/')
    .scriptName(PROGRAM)
    .updateStrings(WORDING as Record<string, string>)
    .parserConfiguration(AS_TYPED)
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw message === null && error !== undefined ? error : fault(message ?? '');
    });
}
