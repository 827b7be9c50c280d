import { writeSync } from 'node:fs';
import { bashAnswer, bashDialect } from './bash.js';
import type { TypedWords } from './cursor.js';
import { FISH_DIALECT, fishAnswer } from './fish.js';
import type { Place } from './known.js';
import { localOffers } from './local-offers.js';
import { NOTHING, type Offers, withoutUnsafe } from './offers.js';
import { offersFor } from './offers-for.js';
import { type ShellLine, splitLine } from './shell-line.js';
import { zshAnswer } from './zsh.js';

const STDOUT = 1;

/**
 * Answers a shell's completion script: `bash WORDBREAKS LINE`, `zsh WORD...` or `fish LINE`, all
 * up to the cursor. Prints nothing if it fails: a message would stand in the user's command line.
 */
export async function complete(words: readonly string[], place: Place): Promise<void> {
  try {
    const [shell, ...typed] = words;
    const lines = await answer(shell, typed, place);
    print(`${lines.join('\n')}\n`);
  } catch {
    // Without candidates the user types on.
  }
}

async function answer(shell: string | undefined, typed: readonly string[], place: Place): Promise<string[]> {
  const offers = async (line: TypedWords & Partial<ShellLine>): Promise<Offers> => {
    return line.isFile ? { ...NOTHING, files: 'file' } : withoutUnsafe(await offersFor(line, place));
  };
  switch (shell) {
    case 'bash': {
      const [breaks = '', text = ''] = typed;
      const line = splitLine(text, bashDialect(breaks));
      if (line === undefined) return [];
      const found = await offers(line);
      // Readline offers files for the text that it replaces only.
      const isOurs = found.files !== undefined && found.prefix.length > line.keptLength;
      return bashAnswer(isOurs ? withoutUnsafe(localOffers(line.word, found, place)) : found, line);
    }
    case 'zsh': {
      const word = typed.at(-1) ?? '';
      return zshAnswer(await offers({ before: typed.slice(0, -1), word }), word);
    }
    case 'fish': {
      const line = splitLine(typed[0] ?? '', FISH_DIALECT);
      return line === undefined ? [] : fishAnswer(await offers(line));
    }
    default:
      return [];
  }
}

function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(STDOUT, bytes, at);
}
