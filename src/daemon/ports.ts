import { startSession } from '../engine/session.js';
import { MergedFs } from '../fs/merged-fs.js';
import { DevFuseTransport } from '../fuse/dev-fuse/dev-fuse-transport.js';
import { createdBy } from '../oci/build-steps.js';
import type { MountPorts } from './mount-ports.js';
import { ourMountAt } from './our-mounts.js';

/** The real things. */
export const realPorts: MountPorts = {
  startSession,
  transport: async (name) =>
    name === 'dev-fuse'
      ? new DevFuseTransport()
      : new (await import('../fuse/fuse-native/fuse-native-transport.js')).FuseNativeTransport(),
  deviceOf: async (mountpoint) => (await ourMountAt(mountpoint))?.device,
  async buildFs(image, which, options, log) {
    const { tree, byNumber } = await image.view({ ...which, log });
    const { config, manifest } = image.resolved;
    return new MergedFs(tree, byNumber, {
      uid: options.uid,
      gid: options.gid,
      ...(options.transformSymlinks && { transformSymlinks: options.mountpoint }),
      createdBy: (number) => createdBy(config, manifest.layers.length, number),
    });
  },
};
