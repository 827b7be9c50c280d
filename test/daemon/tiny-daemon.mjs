// A daemon with the real transport over a tree of one file, `hello`, and no image behind it: start it with
// `startDaemon(path of this file)`.
import { runDaemonProcess } from '#src/daemon/daemon-process.js';
import { ourMountAt } from '#src/daemon/our-mounts.js';
import { DevFuseTransport } from '#src/fuse/dev-fuse/dev-fuse-transport.js';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const ROOT = 1;
const FILE = 2;
const NAME = Buffer.from('hello');
const CONTENT = Buffer.from('hello, world\n');

const fs = {
  bytesServed: 0,
  lookup: (parent, name) => (parent === ROOT && NAME.equals(name) ? FILE : 0),
  getattr: (inode, into) =>
    Object.assign(into, {
      inode,
      kind: inode === ROOT ? 'dir' : 'file',
      mode: inode === ROOT ? 0o755 : 0o644,
      nlink: inode === ROOT ? 2 : 1,
      uid: 0,
      gid: 0,
      deviceMajor: 0,
      deviceMinor: 0,
      size: inode === ROOT ? 4096 : CONTENT.length,
      blocks: 1,
      mtimeSeconds: 0,
      mtimeNanoseconds: 0,
    }),
  readlink: () => new Uint8Array(),
  readdir(_directory, offset, visit) {
    const names = [
      [Buffer.from('.'), ROOT, 'dir'],
      [Buffer.from('..'), ROOT, 'dir'],
      [NAME, FILE, 'file'],
    ];
    for (let i = offset; i < names.length; i++) if (!visit(...names[i], i + 1)) return;
  },
  read(_inode, offset, length) {
    const bytes = CONTENT.subarray(offset, offset + length);
    fs.bytesServed += bytes.length;
    return bytes;
  },
  getxattr: () => undefined,
  listxattr: () => new Uint8Array(),
  statfs: () => ({ blockSize: 4096, blocks: 2, files: 2, nameMax: 255 }),
};

runDaemonProcess({
  startSession: () => ({
    preload() {},
    record() {},
    resolve: async (reference, platform) => ({
      reference,
      digest: DIGEST,
      platform,
      manifest: { layers: [{ digest: DIGEST }] },
      config: {},
    }),
    openLayers: async () => [{ digest: DIGEST, origin: { kind: 'own' }, entries: { length: 1 } }],
    metrics: () => ({ bytesFetched: 0, cacheHits: 0, cacheMisses: 0 }),
    close: async () => {},
  }),
  buildFs: async () => fs,
  transport: async () => new DevFuseTransport(),
  deviceOf: async (mountpoint) => (await ourMountAt(mountpoint))?.device,
});
