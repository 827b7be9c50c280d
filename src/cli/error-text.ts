import type { ErrorRecord } from '../base/errors.js';
import { printable, printableJson } from '../base/printable.js';

/** Returns an error as the user sees it: one line, with `json` one object; the stack below it with `verbose` only. */
export function errorText(
  { code, message, stack }: ErrorRecord,
  { json, verbose }: { json: boolean; verbose: boolean },
): string {
  if (json) return printableJson({ error: { code, message } });
  const line = `layerslayer: ${printable(message)}`;
  return verbose && stack ? [line, ...stack.split('\n').map(printable)].join('\n') : line;
}
