import type { EntryPlace } from '../../../image/records/entry-record.js';

/** `replaced in layer 3`, `hidden by whiteout in layer 3`. */
export function hiddenText({ hiddenBy, how }: NonNullable<EntryPlace['hidden']>): string {
  return `${how === 'replaced' ? 'replaced' : `hidden by ${how}`} in layer ${hiddenBy}`;
}
