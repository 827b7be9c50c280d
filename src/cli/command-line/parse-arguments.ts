import { parseArgs } from 'node:util';
import type { OptionSpec, OptionTable, OptionValues } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';

/**
 * Parses the words of one command as getopt_long(3) does: `-ql FILE`, `-lFILE`, `--log-file=FILE`,
 * positionals anywhere, everything after `--`. As in Python, `-l=FILE` is `-lFILE`.
 *
 * Uses Node's tokenizer, since a mount waits for this: yargs takes 55 ms to load (measured).
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseArguments<T extends OptionTable>(
  words: readonly string[],
  table: T,
): { options: OptionValues<T>; positionals: string[] } {
  const options: Record<string, { type: 'boolean' | 'string'; short?: string }> = {};
  const values = new Map<string, boolean | string | string[] | [string, string]>();
  for (const [name, { kind, short }] of Object.entries(table)) {
    if (kind === 'flag') values.set(name, false);
    if (kind === 'list') values.set(name, []);
    options[name] = { type: kind === 'flag' ? 'boolean' : 'string', ...(short !== undefined && { short }) };
  }
  // Not strict: its messages are for programmers.
  const { tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true });
  const positionals: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (!spec) throw usageError(`unknown option: ${token.rawName}: see --help`);
    const value = checkedValue(token, spec);
    if (spec.kind === 'pair') {
      const second = tokens[++i];
      if (second?.kind !== 'positional') throw wantsValue(token.rawName, spec);
      values.set(token.name, [value as string, second.value]);
    } else if (spec.kind === 'list') (values.get(token.name) as string[]).push(value as string);
    else values.set(token.name, value);
  }
  return { options: Object.fromEntries(values) as OptionValues<T>, positionals };
}

function checkedValue(
  token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
  spec: OptionSpec,
): string | boolean {
  const { rawName, value: given, inlineValue } = token;
  const isShort = !rawName.startsWith('--');
  const hasEquals = inlineValue === true && (!isShort || given?.startsWith('=') === true);
  const value = isShort && hasEquals ? given?.slice(1) : given;
  if (spec.kind === 'flag') {
    if (value !== undefined) throw usageError(`${rawName} takes no value`);
    return true;
  }
  // `-l -q`: the value was forgotten. One that begins with a dash is written `--log-file=-q`.
  const isForgotten = !inlineValue && value !== undefined && /^-./s.test(value);
  if (!value || isForgotten) throw wantsValue(rawName, spec);
  if (spec.refusesDigits && !hasEquals && /^\d+$/.test(value)) {
    throw usageError(
      `${rawName} wants ${spec.value}, got ${value}: for a file of that name use ${rawName}=${value} or ./${value}`,
    );
  }
  return value;
}

function wantsValue(rawName: string, { kind, value = 'VALUE' }: OptionSpec): Error {
  return usageError(`${rawName} wants ${kind === 'pair' ? 'two values' : 'a value'}: ${value}`);
}

/** Returns words that parse to these values; pairs are not supported. */
export function optionWords<T extends OptionTable>(
  table: T,
  values: OptionValues<T>,
  except: readonly (keyof T)[] = [],
): string[] {
  return Object.keys(table).flatMap((name) => {
    const value = values[name];
    if (except.includes(name) || value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().map((one) => `--${name}=${one}`);
  });
}
