import type { ErrorRecord } from '../base/errors.js';
import type { LogLevel } from '../base/log.js';
import type { LayerProgress } from '../engine/image-session.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { MountOptions, MountSummary } from './mount-options.js';

/** What the starter says. A closed channel before `accepted` means: stop, and leave nothing. */
export type ToDaemon =
  | { type: 'start'; options: MountOptions }
  /** What `options.resolvedByStarter` promised. */
  | { type: 'image'; image: ResolvedImage }
  /** The starter has shown the result; from now on the daemon lives on its own. */
  | { type: 'accepted' };

/** What the daemon says. `ended` is the last. */
export type FromDaemon =
  /** The daemon runs and has read its options. */
  | { type: 'started' }
  | { type: 'resolved'; layers: number }
  | { type: 'progress'; progress: LayerProgress }
  | { type: 'notice'; message: string }
  | { type: 'log'; level: LogLevel; message: string }
  | { type: 'ready'; summary: MountSummary }
  /** Before `ready`: nothing is mounted. */
  | { type: 'ended'; error?: ErrorRecord | undefined };
