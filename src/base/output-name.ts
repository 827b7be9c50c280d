import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fsPath, textOfBytes } from './text/raw-text.js';

/** Where an output goes that the user named. */
export interface OutputName {
  /** `free`: a new file; `stream`: a device, a FIFO or a socket, which is written to as it is. */
  kind: 'free' | 'file' | 'directory' | 'stream';
  path: string; // absolute, symlinks followed; of a stream as it was given
}

/** Symlinks in a chain: Linux follows as many. (path_resolution(7)) */
const LINKS_MAX = 40;

/** A file that a shell has opened: it must not get another one in its place. */
const OPENED_ALREADY = /^\/(dev\/(stdin|stdout|stderr|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/**
 * Follows an output's name as a shell's `>` does: through symlinks, also to a name that is free.
 * @param path absolute
 * @throws the system's error, such as ELOOP
 */
export function findOutput(path: string): OutputName {
  if (OPENED_ALREADY.test(path)) return { kind: 'stream', path };
  const status = statSync(fsPath(path), { throwIfNoEntry: false });
  if (!status) return { kind: 'free', path: freeName(path) };
  if (!status.isFile() && !status.isDirectory()) return { kind: 'stream', path };
  const real = textOfBytes(realpathSync(fsPath(path), 'buffer'));
  return { kind: status.isFile() ? 'file' : 'directory', path: real };
}

/** Returns the name that a symlink to nothing leads to. */
function freeName(path: string): string {
  let at = path;
  for (let links = 0; links < LINKS_MAX; links++) {
    if (!lstatSync(fsPath(at), { throwIfNoEntry: false })?.isSymbolicLink()) break;
    const target = textOfBytes(readlinkSync(fsPath(at), 'buffer'));
    at = resolve(realDirectory(at), target);
  }
  return at;
}

/** The directory of a link is known by its own name: `..` in the target starts there. */
function realDirectory(path: string): string {
  return dirname(join(textOfBytes(realpathSync(fsPath(dirname(path)), 'buffer')), basename(path)));
}
