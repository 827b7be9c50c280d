// Mounts an empty tree on the directory given, says so on stdout, and serves it until it is killed.
import { SILENT_LOG } from '#src/base/log.js';
import { DevFuseTransport } from '#src/fuse/dev-fuse/dev-fuse-transport.js';

const emptyTree = {
  lookup: () => 0,
  getattr: (inode, into) => Object.assign(into, { inode, kind: 'dir', mode: 0o755, nlink: 2, size: 4096 }),
  readdir: () => {},
  statfs: () => ({ blockSize: 4096, blocks: 1, files: 1, nameMax: 255 }),
};
const options = {
  source: 'doomed',
  allowOther: false,
  suid: false,
  devices: false,
  nonempty: false,
  defaultPermissions: false,
  log: SILENT_LOG,
};
await new DevFuseTransport().mount(emptyTree, process.argv[2], options);
process.stdout.write('mounted\n');
