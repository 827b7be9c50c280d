import type { OptionTable, OptionValues } from '../options/option-table.js';

/** Returns words that parse to these values. */
export function optionWords<T extends OptionTable>(
  table: T,
  values: OptionValues<T>,
  except: readonly (keyof T)[] = [],
): string[] {
  return Object.keys(table).flatMap((name) => {
    const value = values[name];
    if (except.includes(name) || value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    if (table[name]!.kind !== 'choice') return [value].flat().map((one) => `--${name}=${one}`);
    const [first, ...second] = value as readonly string[];
    return [`--${name}=${first}`, ...second];
  });
}
