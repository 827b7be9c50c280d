import { LayerslayerError } from '../../base/errors.js';
import type { LayerFs } from '../../fs/layer-fs.js';
import { EINVAL } from '../errno.js';
import { PendingReads } from '../pending-reads.js';
import { FUSE_READ_IN } from './abi.js';
import { MAX_READ_SIZE } from './negotiation.js';
import { ANSWERED, type Reply } from './reply.js';
import type { FuseRequest } from './request.js';

/** Answers READ: at once from memory, or when the bytes have come from the network. */
export class ReadOperation {
  readonly #fs: LayerFs;
  readonly #reply: Reply;
  readonly #pending: PendingReads;
  readonly #fail: (unique: number, error: unknown, doing: string) => void;
  #spareController: AbortController | undefined;

  /** @param fail replies with an error's errno and logs it */
  constructor(
    fs: LayerFs,
    reply: Reply,
    deadlineMs: number,
    fail: (unique: number, error: unknown, doing: string) => void,
  ) {
    this.#fs = fs;
    this.#reply = reply;
    this.#pending = new PendingReads(deadlineMs);
    this.#fail = fail;
  }

  read(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_READ_IN.SIZE)) return EINVAL;
    const { inode } = request;
    const offset = request.argumentU64(FUSE_READ_IN.offset);
    const size = request.argumentU32(FUSE_READ_IN.size);
    if (!Number.isSafeInteger(offset) || size > MAX_READ_SIZE) return EINVAL;
    // A read that is answered at once leaves its signal to the next one.
    const controller = this.#spareController ?? new AbortController();
    this.#spareController = undefined;
    const data = this.#fs.read(inode, offset, size, controller.signal);
    if (data instanceof Uint8Array) {
      this.#spareController = controller;
      return this.#send(unique, data, size);
    }
    const fail = (error: unknown) => this.#fail(unique, error, `reading inode ${inode} at ${offset}`);
    const answer = (bytes: Uint8Array) => {
      try {
        this.#send(unique, bytes, size);
      } catch (error) {
        fail(error);
      }
    };
    this.#pending.add(unique, { inode, pid: request.pid }, data, controller, answer, fail);
    return ANSWERED;
  }

  /** @returns false if no such read is waiting */
  interrupt(unique: number): boolean {
    return this.#pending.interrupt(unique);
  }

  abortAll(): void {
    this.#pending.abortAll();
  }

  #send(unique: number, data: Uint8Array, size: number): number {
    if (data.length > size) {
      throw new LayerslayerError('INTERNAL', `got ${data.length} bytes, want at most ${size}`);
    }
    return this.#reply.sendData(unique, data);
  }
}
