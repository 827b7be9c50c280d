// Real bytes to measure with, made once a run from the machine's own files.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** Directories whose files are taken in turn until there are enough bytes. */
const SOURCES = {
  // ELF-heavy, as most layers are.
  usr: ['usr/lib', 'usr/bin', 'usr/libexec', 'usr/sbin'],
  // Sources, documentation, translations.
  text: ['usr/share/perl', 'usr/share/doc', 'usr/lib/python3', 'usr/include', 'usr/share'],
};

/** Path of a tar of about `size` bytes of the kind's files, in `directory`. */
export function tarOf(kind, size, directory) {
  const path = join(directory, `${kind}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const filter =
    kind === 'text'
      ? String.raw`-size -2000k \( -name '*.py' -o -name '*.pm' -o -name '*.pl' -o -name '*.h' -o -name '*.txt' -o -name '*.html' -o -name '*.xml' -o -name copyright -o -name '*.md' \)`
      : '-size -60000k';
  const sources = SOURCES[kind].filter((source) => existsSync(`/${source}`)).join(' ');
  // head closes the list when there is enough; awk counts it.
  const script = `cd / && find ${sources} -type f ${filter} -printf '%s %p\\n' 2>/dev/null | awk -v max=${size} '{ sum += $1; sub(/^[0-9]+ /, ""); print; if (sum > max) exit }' | tar -cf '${path}' --no-recursion -T -`;
  execFileSync('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  return path;
}

/** A tar of one file of random bytes: deflate stores them. */
export function randomTar(size, directory) {
  const path = join(directory, 'random.tar');
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    execFileSync('bash', [
      '-c',
      `cd '${directory}' && head -c ${size} /dev/urandom > random.bin && tar -cf random.tar random.bin && rm random.bin`,
    ]);
  }
  return path;
}

export function gzipped(tar) {
  const path = `${tar}.gz`;
  if (!existsSync(path)) execFileSync('bash', ['-c', `gzip -6 -n -c '${tar}' > '${path}'`]);
  return path;
}

export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
export const sizeOf = (path) => statSync(path).size;
