import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Milliseconds for a directory service to answer. */
const LOOKUP_MS = 3000;

/**
 * Returns the home directory that the password database names for a user, whatever `$HOME` says: another user, root, must find
 * the same one.
 * @returns undefined for a user id without an entry, as containers have
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

/** For users of LDAP and the like, who are not in the file. */
function getent(uid: number): Promise<string> {
  return new Promise((resolve) => {
    execFile('getent', ['passwd', String(uid)], { timeout: LOOKUP_MS, cwd: '/' }, (_, stdout) =>
      resolve(stdout),
    );
  });
}
