import type { ErrorRecord } from '../base/errors.js';
import { printable, printableJson } from '../base/printable.js';

/** Returns an error for the user: one line, or one object with `json`. `verbose` adds the stack. */
export function errorText(
  { code, message, stack }: ErrorRecord,
  { json, verbose }: { json: boolean; verbose: boolean },
): string {
  if (json) return printableJson({ error: { code, message } });
  const line = `layerslayer: ${printable(message)}`;
  return verbose && stack ? [line, ...stack.split('\n').map(printable)].join('\n') : line;
}
