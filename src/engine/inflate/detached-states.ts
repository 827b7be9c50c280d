import type { Log } from '../../base/log.js';
import type { Checkpoint } from '../../codec/codec.js';
import {
  type CheckpointColumns,
  isStateless,
  readCheckpoint,
  type StateStorage,
} from '../../index/states/checkpoints.js';
import { type Digest, shortDigest } from '../../oci/digest.js';

type DetachedStorage = Extract<StateStorage, { detachedFd: unknown }>;

export interface DetachedStatesOptions {
  digest: Digest; // of the layer
  checkpoints: CheckpointColumns;
  storage: DetachedStorage;
  /** Removes the cached file. */
  remove(): void;
  log: Log;
}

/**
 * Reads checkpoints whose states are a cached file of their own. The cache may have evicted it
 * before the layer was opened. A damaged one counts as evicted. Then only the checkpoints with an
 * empty state are left, and reads decode on from there.
 */
export class DetachedStates {
  readonly #options: DetachedStatesOptions;
  #hasFile: boolean;
  #isLossLogged = false;

  constructor(options: DetachedStatesOptions) {
    this.#options = options;
    this.#hasFile = options.storage.detachedFd !== undefined;
  }

  /** False if only checkpoints with an empty state can be read. */
  get areThere(): boolean {
    return this.#hasFile;
  }

  /** Returns a checkpoint by its number, or undefined if its state is gone. */
  read(number: number): Checkpoint | undefined {
    const { checkpoints, storage, remove } = this.#options;
    if (!this.#hasFile) this.#logLoss('are not cached any more');
    if (!this.#hasFile && !isStateless(checkpoints, number)) return undefined;
    try {
      return readCheckpoint(checkpoints, storage, number);
    } catch (error) {
      this.#hasFile = false;
      this.#logLoss(`are damaged in the cache, checkpoint ${number}: ${(error as Error).message}`);
      remove();
      return undefined;
    }
  }

  /** Says once what the user can do. */
  #logLoss(what: string): void {
    if (this.#isLossLogged) return;
    this.#isLossLogged = true;
    const { digest, log } = this.#options;
    const remedy = '`layerslayer index` makes them again';
    log.warn(`layer ${shortDigest(digest)}: its checkpoint states ${what}; reads are slow until ${remedy}`);
  }
}
