import type { ErrorCode, ErrorRecord } from '../../base/errors.js';
import { printable, printableJson } from '../../base/text/printable.js';

/** The exit status of each code; exhaustive by the type. */
export const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 2,
  INVALID_REFERENCE: 2,
  NOT_FOUND: 10,
  UNAUTHORIZED: 11,
  NO_MATCHING_PLATFORM: 12,
  REGISTRY_UNAVAILABLE: 13,
  TIMED_OUT: 13,
  RATE_LIMITED: 13,
  DIGEST_MISMATCH: 14,
  CORRUPT_LAYER: 15,
  UNSUPPORTED: 16,
  IO_FAILED: 17,
  MOUNT_FAILED: 20,
  UNMOUNT_FAILED: 20,
  ABORTED: 130,
  INTERNAL: 70,
};

/** What each status means, as `--help` says it. */
const MEANING: Readonly<Record<number, string>> = {
  0: 'done',
  2: 'wrong usage or reference',
  10: 'no such image, layer or file',
  11: 'the registry wants (other) credentials',
  12: 'the image has no such platform',
  13: 'the registry is out of reach, too slow, or limits the rate',
  14: 'bytes that are not those of their digest',
  15: 'a damaged layer',
  16: 'a kind of image or layer that is not supported',
  17: 'a local file could not be read or written',
  20: 'mounting or unmounting failed',
  70: 'a fault in layerslayer itself',
  130: 'interrupted',
};

/**
 * The lines that end a command's `--help`.
 * @param statusOne what 1 means: an answer of the command, never a fault
 */
export function describeStatuses(codes: readonly ErrorCode[], statusOne?: string): string[] {
  const statuses = new Set([0, EXIT_STATUS.INTERNAL, EXIT_STATUS.INVALID_ARGUMENT, EXIT_STATUS.ABORTED]);
  if (statusOne !== undefined) statuses.add(1);
  for (const code of codes) statuses.add(EXIT_STATUS[code]);
  return [...statuses]
    .sort((a, b) => a - b)
    .map((status) => `${String(status).padStart(5)}  ${MEANING[status] ?? statusOne}`);
}

/** Returns an error for the user: one line, or one object with `json`. `verbose` adds the stack. */
export function errorText(
  error: ErrorRecord,
  { json, verbose }: { json: boolean; verbose: boolean },
): string {
  const { code, message, stack } = error;
  if (json) return printableJson({ error: { code, message } });
  const line = `layerslayer: ${printable(message)}`;
  return verbose && stack ? [line, ...stack.split('\n').map(printable)].join('\n') : line;
}
