// Looks at a mount from a process of its own, with calls that the shell's tools don't have. Prints JSON.
import * as fs from 'node:fs';

const [operation, path, ...rest] = process.argv.slice(2);

const errorOf = (call) => {
  try {
    call();
    return 'ok';
  } catch (error) {
    return error.code;
  }
};

const operations = {
  /** Names of a directory as hex, in readdir order, with their types. */
  names: () => {
    const directory = fs.opendirSync(path, { encoding: 'buffer' }); // readdirSync would sort
    const names = [];
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
      names.push({ hex: entry.name.toString('hex'), isFile: entry.isFile() });
    }
    return names;
  },

  /** lstat, integers as decimal strings. */
  stat: () =>
    Object.fromEntries(
      Object.entries(fs.lstatSync(path, { bigint: true }))
        .filter(([, value]) => typeof value === 'bigint')
        .map(([key, value]) => [key, String(value)]),
    ),

  /** Reads a name given as hex, below the directory. */
  readHexName: () =>
    fs.readFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from(rest[0], 'hex')])).toString('hex'),

  statfs: () => ({ ...fs.statfsSync(path) }),

  /** Reads `[offset, length]` pairs through one descriptor; bytes in hex. */
  reads: () => {
    const descriptor = fs.openSync(path, 'r');
    return JSON.parse(rest[0]).map(([offset, length]) => {
      const buffer = Buffer.alloc(length);
      return buffer.toString('hex', 0, fs.readSync(descriptor, buffer, 0, length, offset));
    });
  },

  /** Every call that writes, by the error that it gets. The tree has `file`, `dir`, `link`. */
  writes: () => ({
    openWrite: errorOf(() => fs.openSync(`${path}/file`, 'r+')),
    openTruncate: errorOf(() => fs.openSync(`${path}/file`, fs.constants.O_WRONLY | fs.constants.O_TRUNC)),
    openAppend: errorOf(() => fs.writeFileSync(`${path}/file`, 'x', { flag: 'a' })),
    write: errorOf(() => fs.writeFileSync(`${path}/file`, 'x', { flag: 'r+' })),
    create: errorOf(() => fs.writeFileSync(`${path}/new`, '')),
    truncate: errorOf(() => fs.truncateSync(`${path}/file`, 1)),
    mkdir: errorOf(() => fs.mkdirSync(`${path}/new`)),
    rmdir: errorOf(() => fs.rmdirSync(`${path}/dir`)),
    unlink: errorOf(() => fs.unlinkSync(`${path}/file`)),
    rename: errorOf(() => fs.renameSync(`${path}/file`, `${path}/new`)),
    link: errorOf(() => fs.linkSync(`${path}/file`, `${path}/new`)),
    symlink: errorOf(() => fs.symlinkSync('x', `${path}/new`)),
    chmod: errorOf(() => fs.chmodSync(`${path}/file`, 0o600)),
    chown: errorOf(() => fs.chownSync(`${path}/file`, 1, 1)),
    lchown: errorOf(() => fs.lchownSync(`${path}/link`, 1, 1)),
    utimes: errorOf(() => fs.utimesSync(`${path}/file`, 1, 1)),
    lutimes: errorOf(() => fs.lutimesSync(`${path}/link`, 1, 1)),
  }),

  /** The error of opening and reading each of the paths. */
  readErrors: () => [path, ...rest].map((each) => errorOf(() => fs.readFileSync(each))),

  statErrors: () => [path, ...rest].map((each) => errorOf(() => fs.lstatSync(each))),
};

process.stdout.write(JSON.stringify(operations[operation]()));
