// Tries all calls that would write, below the working directory. That has a file `f`, a directory
// `d`, a symlink `l` and an empty directory `e`. Prints the name of each attempt and its error, one
// a line.
import fs from 'node:fs';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = fs.constants;

const ATTEMPTS = {
  'open for writing': () => fs.openSync('f', O_WRONLY),
  'open for both': () => fs.openSync('f', O_RDWR),
  'open to append': () => fs.openSync('f', O_WRONLY | O_APPEND),
  'open to truncate': () => fs.openSync('f', O_WRONLY | O_TRUNC),
  'open to read and truncate': () => fs.openSync('f', O_RDONLY | O_TRUNC),
  'open through a symlink': () => fs.openSync('l', O_WRONLY),
  create: () => fs.openSync('new', O_WRONLY | O_CREAT, 0o644),
  'create to read': () => fs.openSync('new', O_RDONLY | O_CREAT, 0o644),
  'create exclusively': () => fs.openSync('d/new', O_RDWR | O_CREAT | O_EXCL, 0o644),
  truncate: () => fs.truncateSync('f', 0),
  mkdir: () => fs.mkdirSync('new'),
  rmdir: () => fs.rmdirSync('e'),
  unlink: () => fs.unlinkSync('f'),
  'unlink a symlink': () => fs.unlinkSync('l'),
  rename: () => fs.renameSync('f', 'new'),
  'rename over': () => fs.renameSync('f', 'd/g'),
  'rename a directory': () => fs.renameSync('d', 'new'),
  link: () => fs.linkSync('f', 'new'),
  symlink: () => fs.symlinkSync('f', 'new'),
  chmod: () => fs.chmodSync('f', 0o600),
  'chmod a directory': () => fs.chmodSync('d', 0o700),
  chown: () => fs.chownSync('f', 1, 1),
  lchown: () => fs.lchownSync('l', 1, 1),
  utimes: () => fs.utimesSync('f', 1, 1),
  lutimes: () => fs.lutimesSync('l', 1, 1),
  'ask to write': () => fs.accessSync('f', fs.constants.W_OK),
  'ask to write a directory': () => fs.accessSync('d', fs.constants.W_OK),
  'chmod what is open': () => fs.fchmodSync(fs.openSync('f', O_RDONLY), 0o600),
  'utimes of what is open': () => fs.futimesSync(fs.openSync('f', O_RDONLY), 1, 1),
};

for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  try {
    attempt();
    console.log(`${name}: done`);
  } catch (error) {
    console.log(`${name}: ${error.code}`);
  }
}
