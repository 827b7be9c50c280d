/**
 * The built command as a user that is not root: `nobody`, which all systems have (fusermount3 looks
 * the name up), with its own home. It runs a copy, since the checkout may be unreadable for that
 * user.
 */
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt, type Ended, run } from './child.js';
import { Workplace } from './mounts.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SETPRIV = '/usr/bin/setpriv';
const FUSE_DEVICE = '/dev/fuse';
const FUSE_CONF = '/etc/fuse.conf';

export const NOBODY = 65_534;
/** Another user who is not root: `daemon`. */
export const SOMEBODY_ELSE = 1;

/** What runs a command as a user without any right. */
export function asUser(uid: number): string[] {
  return [SETPRIV, `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
}

/** Runs a command as a user, to its end. */
export function attemptAs(uid: number, command: string, ...args: string[]): Promise<Ended> {
  const [setpriv = '', ...words] = asUser(uid);
  return attempt(setpriv, [...words, command, ...args]);
}

export const KOFFI = ['koffi', '@koromix'];

/**
 * Everything of it belongs to that user.
 * @param packages what the program finds beside itself
 */
export async function ordinaryWorkplace(packages: readonly string[] = KOFFI): Promise<Workplace> {
  const program: string[] = [];
  const place = new Workplace(program);
  const copy = join(place.scratch, 'program');
  for (const part of ['dist/bin', 'package.json', ...packages.map((name) => `node_modules/${name}`)])
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, dereference: true });
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, place.scratch]);
  chmodSync(place.scratch, 0o755);
  program.push(...asUser(NOBODY), await reachableNode(place), join(copy, 'dist/bin/layerslayer.js'));
  return place;
}

/** Node itself may lie in root's home. */
async function reachableNode(place: Workplace): Promise<string> {
  const { status } = await attemptAs(NOBODY, process.execPath, '--version');
  if (status === 0) return process.execPath;
  const copy = join(place.scratch, 'node');
  cpSync(process.execPath, copy, { dereference: true });
  chmodSync(copy, 0o755);
  return copy;
}

/** A directory of that user's, to mount on. */
export async function ownDirectory(place: Workplace, name: string): Promise<string> {
  const path = place.directory(name);
  await run('chown', [`${NOBODY}:${NOBODY}`, path]);
  return path;
}

/** Lets users open /dev/fuse, as udev does everywhere. @returns what puts it back */
export function openDevice(mode = 0o666): () => void {
  const before = statSync(FUSE_DEVICE).mode & 0o777;
  chmodSync(FUSE_DEVICE, mode);
  return () => chmodSync(FUSE_DEVICE, before);
}

/** Sets or takes out user_allow_other. @returns what puts the file back */
export function setAllowOther(allowed: boolean): () => void {
  const before = existsSync(FUSE_CONF) ? readFileSync(FUSE_CONF, 'utf8') : undefined;
  const without = (before ?? '').replace(/^\s*user_allow_other.*\n?/gm, '');
  writeFileSync(FUSE_CONF, allowed ? `${without}\nuser_allow_other\n` : without);
  return () => (before === undefined ? rmSync(FUSE_CONF) : writeFileSync(FUSE_CONF, before));
}
