import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fsPath, textOfBytes } from '../../base/text/raw-text.js';
import type { Place } from './known.js';
import type { Offers } from './offers.js';

/** Names of one directory that are offered. */
const NAMES_MAX = 2000;

/**
 * Offers files of this machine after a prefix, where the shell cannot: as bash in `-lFILE` and
 * `"oci:DIR`.
 * @param word with the prefix
 */
export function localOffers(word: string, { prefix, files }: Offers, { cwd }: Place): Offers {
  const typed = word.slice(prefix.length);
  const directory = typed.slice(0, typed.lastIndexOf('/') + 1);
  const start = typed.slice(directory.length);
  const names = readdirSync(fsPath(resolve(cwd, directory)), { encoding: 'buffer' }).map(textOfBytes);
  const wanted = names.filter((name) => name.startsWith(start) && (start !== '' || !name.startsWith('.')));
  const candidates = wanted.slice(0, NAMES_MAX).flatMap((name) => {
    const isDirectory = leadsToDirectory(resolve(cwd, join(directory, name)));
    if (files === 'directory' && !isDirectory) return [];
    return { text: directory + name + (isDirectory ? '/' : ''), isOpen: isDirectory };
  });
  return { prefix, candidates, arePaths: true };
}

function leadsToDirectory(path: string): boolean {
  try {
    return statSync(fsPath(path)).isDirectory();
  } catch {
    return false; // a symlink to nothing
  }
}
