import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Milliseconds for a directory service to answer. */
const LOOKUP_MS = 3000;

/**
 * Returns a user's home directory from the password database. Ignores `$HOME`, since root must find
 * the same one.
 * @returns undefined for a user id without an entry, as in containers
 */
export async function passwdHome(uid: number): Promise<string | undefined> {
  const file = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return homeIn(file, uid) ?? homeIn(await getent(uid), uid);
}

/** `name:password:uid:gid:comment:home:shell`, passwd(5). */
function homeIn(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split('\n')) {
    const fields = line.split(':');
    if (fields[2] === String(uid) && fields[5]?.startsWith('/')) return fields[5];
  }
  return undefined;
}

/** For users that are not in the file (LDAP). */
function getent(uid: number): Promise<string> {
  return new Promise((resolve) => {
    execFile('getent', ['passwd', String(uid)], { timeout: LOOKUP_MS, cwd: '/' }, (_, stdout) =>
      resolve(stdout),
    );
  });
}
