import type { Log } from '../base/log.js';
import type { StartSession, TreeStore } from '../engine/image-session.js';
import type { Layer } from '../engine/layer.js';
import type { LayerFs } from '../fs/layer-fs.js';
import type { Transport, TransportName } from '../fuse/transport.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { MountOptions } from './mount-options.js';

/** A layer and its number in the image, from 1. */
export interface NumberedLayer {
  number: number;
  layer: Layer;
}

/** An image whose layers can be read. */
export interface OpenedImage {
  image: ResolvedImage;
  layers: readonly NumberedLayer[];
  trees: TreeStore;
}

/** What a daemon is made of. Production wires the real ones in `ports.ts`, tests their doubles. */
export interface MountPorts {
  startSession: StartSession;
  buildFs(opened: OpenedImage, options: MountOptions, log: Log): Promise<LayerFs>;
  /** Loads what only the chosen one needs. @throws LayerslayerError MOUNT_FAILED when it is not installed */
  transport(name: TransportName): Promise<Transport>;
  /** `major:minor` of the file system mounted there; undefined when nothing of ours is. */
  deviceOf(mountpoint: string): Promise<string | undefined>;
}
