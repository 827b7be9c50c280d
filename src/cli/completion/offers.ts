import { printable } from '../../base/text/printable.js';
import { isRaw } from '../../base/text/raw-text.js';

/** A word that the user may mean. */
export interface Candidate {
  text: string; // follows `Offers.prefix`
  summary?: string; // one line
  isOpen?: boolean; // more follows in the same word: no space after it
}

/** What a shell offers for the word under the cursor. */
export interface Offers {
  prefix: string; // of the typed word; stays as it is
  candidates: Candidate[];
  /** The shell offers names of its own files too, after `prefix`. */
  files?: 'file' | 'directory';
  arePaths?: boolean; // shells list paths by their last component
}

export const NOTHING: Offers = { prefix: '', candidates: [] };

/** Offers those words that begin with what was typed after the prefix. */
export function offerWords(word: string, prefix: string, candidates: readonly Candidate[]): Offers {
  const typed = word.slice(prefix.length);
  return { prefix, candidates: candidates.filter(({ text }) => text.startsWith(typed)) };
}

/**
 * Drops what no terminal should show and no shell should get: control characters, also newlines,
 * and bytes that are not UTF-8. Names come from images, which may be hostile.
 */
export function withoutUnsafe(offers: Offers): Offers {
  const isSafe = (text: string) => !isRaw(text) && printable(text) === text;
  if (!isSafe(offers.prefix)) return NOTHING;
  return { ...offers, candidates: offers.candidates.filter(({ text }) => isSafe(text)) };
}
