/**
 * Lists a directory tree from outside: all names, with the results of stat, readlink, getxattr and
 * read. Child processes do it (find, stat, getfattr, sha256sum). So a test's thread never waits
 * inside a file system that may hang, and each child has a deadline.
 */
import { spawn } from 'node:child_process';

/** Names are bytes: latin1 strings here, one character a byte. */
export interface ListedFile {
  type: string; // as find says it: f d l c b p s
  mode: string; // octal, 12 bits
  uid: string;
  gid: string;
  size: string;
  blocks512: string;
  mtime: string; // seconds with all nanoseconds, as are the next two
  atime: string;
  ctime: string;
  nlink: string;
  inode: string;
  target: string; // of a symlink
  rdev: string; // major:minor in hex, of devices
  xattrs: string; // `name=0x…` sorted, one a line
  sha256: string; // of files
}

export type Listing = Map<string, ListedFile>;

/**
 * A tree of some ten thousand files is listed in seconds. A hanging mount must not stop the whole
 * run.
 */
const WALK_DEADLINE_MS = 150_000;

const FIND_FORMAT = ['P', 'y', 'm', 'U', 'G', 's', 'b', 'T@', 'A@', 'C@', 'n', 'i', 'l'].map(
  (field) => `%${field}\\0`,
);

export async function listTree(root: string): Promise<Listing> {
  const listing: Listing = new Map();
  const found = await output('find', ['.', '-printf', FIND_FORMAT.join('')], root);
  const fields = found.toString('latin1').split('\0');
  for (let at = 0; at + FIND_FORMAT.length < fields.length; at += FIND_FORMAT.length) {
    const [path, type, mode, uid, gid, size, blocks512, mtime, atime, ctime, nlink, inode, target] =
      fields.slice(at, at + FIND_FORMAT.length) as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
    const times = { mtime, atime, ctime };
    const more = { rdev: '', xattrs: '', sha256: '' };
    listing.set(path, { type, mode, uid, gid, size, blocks512, ...times, nlink, inode, target, ...more });
  }
  const [devices, sums, attributes] = await Promise.all([
    output(
      'sh',
      ['-c', "find . \\( -type b -o -type c \\) -print0 | xargs -0r stat --printf '%t:%T %n\\0'"],
      root,
    ),
    output('sh', ['-c', 'find . -type f -print0 | xargs -0r sha256sum -z'], root),
    output('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], root),
  ]);
  for (const line of devices.toString('latin1').split('\0').filter(Boolean)) {
    const space = line.indexOf(' ');
    at(listing, line.slice(space + 1)).rdev = line.slice(0, space);
  }
  for (const line of sums.toString('latin1').split('\0').filter(Boolean)) {
    at(listing, line.slice(SUM_LENGTH)).sha256 = line.slice(0, SUM_LENGTH - 2);
  }
  for (const record of attributes.toString('latin1').split('\n\n').filter(Boolean)) {
    const [header = '', ...lines] = record.split('\n');
    const name = header
      .slice('# file: '.length)
      .replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
    // The label that the machine's own policy gives a file is none of the image's.
    const own = lines.filter((line) => line !== '' && !line.startsWith('security.selinux='));
    at(listing, name).xattrs = own.sort().join('\n');
  }
  return listing;
}

/** `hex`, space, space or star, then the name. */
const SUM_LENGTH = 64 + 2;

function at(listing: Listing, name: string): ListedFile {
  const path = name === '.' ? '' : name.replace(/^\.\//, '');
  const file = listing.get(path);
  if (file === undefined) throw new Error(`${JSON.stringify(path)} was not found by find`);
  return file;
}

/**
 * Runs a command in the tree. It changes the directory itself: to be started there, it would need
 * this process, which may serve the tree.
 */
function output(command: string, args: string[], root: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', 'cd "$0" && exec "$@"', root, command, ...args], {
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: WALK_DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (status, signal) => {
      const said = Buffer.concat(err).toString();
      if (status === 0) resolve(Buffer.concat(out));
      else reject(new Error(`${command} in ${root} ended with ${status ?? signal}: ${said.slice(0, 2000)}`));
    });
  });
}
