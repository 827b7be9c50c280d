import { LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { LayerFs } from '../../fs/layer-fs.js';
import { EAGAIN, EINVAL, ENOSYS, EPROTO, EROFS } from '../errno.js';
import { FaultLog } from '../fault-log.js';
import { FileReads } from '../file-reads.js';
import { MAX_READ_SIZE } from '../kernel-numbers.js';
import {
  FOPEN_CACHE_DIR,
  FOPEN_KEEP_CACHE,
  FUSE_INIT_IN,
  FUSE_INIT_OUT,
  FUSE_INTERRUPT_IN,
  FUSE_NO_OPEN_SUPPORT,
  FUSE_NO_OPENDIR_SUPPORT,
  FUSE_OPEN_OUT,
  FUSE_READ_IN,
} from './abi.js';
import { InodeOperations } from './inode-operations.js';
import { negotiate } from './negotiation.js';
import { OPCODE, WRITING_OPCODES } from './opcode.js';
import { ANSWERED, Reply, type ReplySink } from './reply.js';
import type { FuseRequest } from './request.js';

/**
 * Answers each request of the kernel from a LayerFs. `handle` never throws and never waits. A
 * request that is malformed, unknown or causes a bug gets an errno, and the mount continues.
 *
 * FORGET needs no bookkeeping: inode numbers are the tree's own and live as long as the mount.
 */
export class Dispatcher {
  /**
   * Resolves when INIT is answered. @throws LayerslayerError MOUNT_FAILED if the kernel's protocol
   * is not ours
   */
  readonly ready: Promise<void>;
  readonly #reply: Reply;
  readonly #inodes: InodeOperations;
  readonly #reads: FileReads;
  readonly #faults: FaultLog;
  #flags = 0; // agreed at INIT
  #onReady: () => void = () => {};
  #onRefused: (error: LayerslayerError) => void = () => {};

  constructor(
    fs: LayerFs,
    sink: ReplySink,
    private readonly log: Log,
    options: { readDeadlineMs?: number | undefined } = {},
  ) {
    this.#reply = new Reply(sink);
    this.#inodes = new InodeOperations(fs, this.#reply);
    this.#faults = new FaultLog(log);
    this.#reads = new FileReads(fs, this.#faults, options.readDeadlineMs);
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onRefused = reject;
    });
    this.ready.catch(() => {}); // only the caller that mounts handles it
  }

  /** Answers one request, now or after a wait. The request may be reused when this returns. */
  handle(request: FuseRequest): void {
    if (!request.hasHeader) {
      this.#faults.error(`a request of ${request.length} bytes came from the kernel: too short to answer`);
      return;
    }
    const { opcode, unique } = request;
    try {
      const errno = request.isWellFormed ? this.#dispatch(request, opcode, unique) : EINVAL;
      if (errno !== ANSWERED) this.#reply.sendError(unique, errno);
    } catch (error) {
      const doing = () => `request ${opcode} on inode ${request.inode}`;
      this.#reply.sendError(unique, this.#faults.report(error, doing));
    }
  }

  /** Ends waiting reads: the kernel no longer reads replies. */
  close(): void {
    this.#reads.pending.abortAll();
    this.#onRefused(new LayerslayerError('MOUNT_FAILED', 'the mount ended before the kernel said hello'));
  }

  /** @returns the errno to reply with; ANSWERED if no reply is left to send */
  #dispatch(request: FuseRequest, opcode: number, unique: number): number {
    switch (opcode) {
      case OPCODE.LOOKUP:
        return this.#inodes.lookup(request, unique);
      case OPCODE.GETATTR:
        return this.#inodes.getattr(request, unique);
      case OPCODE.READDIRPLUS:
        return this.#inodes.readdir(request, unique, true);
      case OPCODE.READDIR:
        return this.#inodes.readdir(request, unique, false);
      case OPCODE.READ:
        return this.#read(request, unique);
      case OPCODE.READLINK:
        return this.#inodes.readlink(request, unique);
      case OPCODE.GETXATTR:
        return this.#inodes.getxattr(request, unique);
      case OPCODE.LISTXATTR:
        return this.#inodes.listxattr(request, unique);
      case OPCODE.ACCESS:
        return this.#inodes.access(request, unique);
      case OPCODE.LSEEK:
        return this.#inodes.lseek(request, unique);
      case OPCODE.STATFS:
        return this.#inodes.statfs(unique);
      case OPCODE.OPEN:
        return this.#open(unique, FUSE_NO_OPEN_SUPPORT, FOPEN_KEEP_CACHE);
      case OPCODE.OPENDIR:
        return this.#open(unique, FUSE_NO_OPENDIR_SUPPORT, FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR);
      case OPCODE.RELEASE:
      case OPCODE.RELEASEDIR:
      case OPCODE.DESTROY:
        return this.#reply.send(unique, 0);
      case OPCODE.INIT:
        return this.#init(request, unique);
      case OPCODE.INTERRUPT:
        return this.#interrupt(request);
      case OPCODE.FORGET:
      case OPCODE.BATCH_FORGET:
      case OPCODE.NOTIFY_REPLY:
        return ANSWERED; // these have no reply
      default:
        // ENOSYS tells the kernel not to ask again, and to use another way where it has one. FLUSH
        // then succeeds, STATX becomes GETATTR. We know no birth times, and the kernel would repeat
        // STATX at each stat without them.
        return WRITING_OPCODES.has(opcode) ? EROFS : ENOSYS;
    }
  }

  #init(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_INIT_IN.SIZE)) return EINVAL;
    const negotiation = negotiate(request, this.#reply);
    if (negotiation.outcome === 'refused') {
      this.#onRefused(new LayerslayerError('MOUNT_FAILED', negotiation.reason));
      return EPROTO;
    }
    this.#reply.send(unique, FUSE_INIT_OUT.SIZE);
    if (negotiation.outcome === 'agreed') {
      this.#flags = negotiation.flags;
      this.log.debug(`FUSE 7.${negotiation.minor}, flags 0x${negotiation.flags.toString(16)}`);
      this.#onReady();
    }
    return ANSWERED;
  }

  #open(unique: number, zeroMessageFlag: number, openFlags: number): number {
    // ENOSYS means by agreement: open all files, keep the cache, send no OPEN or RELEASE.
    if (this.#flags & zeroMessageFlag) return ENOSYS;
    this.#reply.putOpen(openFlags);
    return this.#reply.send(unique, FUSE_OPEN_OUT.SIZE);
  }

  #read(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_READ_IN.SIZE)) return EINVAL;
    const { inode, pid } = request;
    const offset = request.argumentU64(FUSE_READ_IN.offset);
    const size = request.argumentU32(FUSE_READ_IN.size);
    if (!Number.isSafeInteger(offset) || size > MAX_READ_SIZE) return EINVAL;
    this.#reads.read(
      { unique, inode, pid, offset, size },
      (data) => this.#reply.sendData(unique, data),
      (errno) => this.#reply.sendError(unique, errno),
    );
    return ANSWERED;
  }

  #interrupt(request: FuseRequest): number {
    if (!request.hasArgument(FUSE_INTERRUPT_IN.SIZE)) return EINVAL;
    // With two readers, the interrupt may be handled before its request. EAGAIN makes the kernel
    // send it again until that request is answered. An interrupt that works gets no reply
    // (fuse(4)).
    return this.#reads.pending.interrupt(request.argumentU64(FUSE_INTERRUPT_IN.unique)) ? ANSWERED : EAGAIN;
  }
}
