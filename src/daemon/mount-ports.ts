import type { Log } from '../base/log.js';
import type { StartSession } from '../engine/image-session.js';
import type { LayerFs } from '../fs/layer-fs.js';
import type { Transport, TransportName } from '../fuse/transport.js';
import type { LayersOptions, OpenedImage } from '../image/opened-image.js';
import type { MountOptions } from './mount-options.js';

/** What a daemon is made of. Production wires the real ones in `ports.ts`, tests their doubles. */
export interface MountPorts {
  startSession: StartSession;
  /** @param which layers are shown; they are open */
  buildFs(image: OpenedImage, which: LayersOptions, options: MountOptions, log: Log): Promise<LayerFs>;
  /** Loads what only the chosen one needs. @throws LayerslayerError MOUNT_FAILED when it is not installed */
  transport(name: TransportName): Promise<Transport>;
  /** `major:minor` of the file system mounted there; undefined when nothing of ours is. */
  deviceOf(mountpoint: string): Promise<string | undefined>;
}
