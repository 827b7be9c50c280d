import type { Log } from '../base/log.js';
import type { StartSession } from '../engine/image-session.js';
import { startSession } from '../engine/session.js';
import type { LayerFs } from '../fs/layer-fs.js';
import { DevFuseTransport } from '../fuse/dev-fuse/dev-fuse-transport.js';
import type { Transport, TransportName } from '../fuse/transport.js';
import type { LayersOptions, OpenedImage } from '../image/opened-image.js';
import { createdBy } from '../oci/build-steps.js';
import { CountedFs } from './counted-fs.js';
import type { MountOptions } from './daemon-protocol.js';
import { ourMountAt } from './our-mounts.js';

/** What a daemon is made of. Tests pass doubles. */
export interface MountPorts {
  startSession: StartSession;
  /** @param which layers are shown; they are open */
  buildFs(image: OpenedImage, which: LayersOptions, options: MountOptions, log: Log): Promise<ServedFs>;
  /** @throws LayerslayerError MOUNT_FAILED if it is not installed */
  transport(name: TransportName): Promise<Transport>;
  /** Returns `major:minor` of our mount there, if there is one. */
  deviceOf(mountpoint: string): Promise<string | undefined>;
}

export interface ServedFs extends LayerFs {
  readonly bytesServed: number; // to readers
  /** The inodes of the files of a layer. */
  filesOf(layer: number): Iterable<number>;
}

export const REAL_PORTS: MountPorts = {
  startSession,
  async buildFs(image, which, options, log) {
    const { tree, byNumber } = await image.view({ ...which, log });
    const { config, manifest } = image.resolved;
    return new CountedFs(tree, byNumber, {
      uid: options.uid,
      gid: options.gid,
      ...(options.transformSymlinks && { transformSymlinks: options.mountpoint }),
      createdBy: (number) => createdBy(config, manifest.layers.length, number),
    });
  },
  transport: async (name) =>
    name === 'dev-fuse'
      ? new DevFuseTransport()
      : new (await import('../fuse/fuse-native/fuse-native-transport.js')).FuseNativeTransport(),
  deviceOf: async (mountpoint) => (await ourMountAt(mountpoint))?.device,
};
