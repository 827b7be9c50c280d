import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { inheritedFiles } from '../../../base/process/inherited-files.js';
import { reasonText } from '../../../base/system-error-text.js';
import type { Surroundings } from '../../../surroundings/default-places.js';

const OPENER = 'xdg-open';

const STANDARD_FILES = 3;

/** A browser that is being opened. */
export interface OpenedBrowser {
  /** Removes the file that leads it to the server. */
  close(): void;
}

/**
 * Opens an address in the user's browser. All users see the arguments of a process, so the browser
 * gets a file of mode 0600 that leads to the address.
 * @param onFault called with a message if that fails
 */
export function openBrowser(
  address: string,
  { env, uid }: Pick<Surroundings, 'env' | 'uid'>,
  onFault: (message: string) => void,
): OpenedBrowser {
  let directory: string | undefined;
  const close = () => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    directory = undefined;
  };
  try {
    directory = mkdtempSync(join(runtimeDirectory(env, uid), 'layerslayer-open-'));
    chmodSync(directory, 0o700);
    const page = join(directory, 'open.html');
    writeFileSync(page, redirectPage(address), { mode: 0o600, flag: 'wx' });
    startOpener(page, env, onFault);
  } catch (error) {
    onFault(`no browser was opened: ${reasonText(error)}`);
  }
  return { close };
}

/** Returns $XDG_RUNTIME_DIR if it is the user's alone, else the directory of temporary files. */
function runtimeDirectory({ XDG_RUNTIME_DIR: path }: NodeJS.ProcessEnv, uid: number): string {
  if (path === undefined || !isAbsolute(path)) return tmpdir();
  const stat = statSync(path, { throwIfNoEntry: false });
  const isOwn = stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o077) === 0;
  return isOwn ? path : tmpdir();
}

function redirectPage(address: string): string {
  const escaped = address.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
  return [
    '<!doctype html>',
    '<meta charset="utf-8">',
    '<meta name="referrer" content="no-referrer">',
    `<meta http-equiv="refresh" content="0; url=${escaped}">`,
    '<title>layerslayer</title>',
    `<a href="${escaped}">layerslayer</a>`,
    '',
  ].join('\n');
}

/** Starts the opener, which may stay: it gets none of our descriptors. */
function startOpener(page: string, env: NodeJS.ProcessEnv, onFault: (message: string) => void): void {
  const last = Math.max(STANDARD_FILES - 1, ...inheritedFiles());
  const child = spawn(OPENER, [page], {
    detached: true,
    env,
    stdio: Array.from({ length: last + 1 }, () => 'ignore' as const),
  });
  child.once('error', (error) => onFault(`no browser was opened: ${OPENER}: ${reasonText(error)}`));
  child.once('exit', (status) => {
    if (status) onFault(`no browser was opened: ${OPENER} ended with status ${status}`);
  });
  child.unref();
}
