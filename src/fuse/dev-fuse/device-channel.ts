import { closeSync, read, write, writeSync, writevSync } from 'node:fs';
import { systemCode } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { FUSE_NOTIFY_INVAL_INODE, FUSE_NOTIFY_INVAL_INODE_OUT, FUSE_OUT_HEADER } from './abi.js';
import type { ReplySink } from './reply.js';
import { FuseRequest } from './request.js';
import { LITTLE_ENDIAN, putU64 } from './wire.js';

/**
 * Reads that wait on the device at once, each in a thread of libuv's pool. Two are faster than one:
 * the next request is read while one is answered. More gain nothing (measured). Other users of the
 * pool (files, DNS, zlib) lose these threads, so the starter of the daemon sets UV_THREADPOOL_SIZE
 * to READERS + 8.
 */
export const READERS = 2;

/**
 * Bytes. Each request but a long SETXATTR fits 8 KiB; the kernel answers that with E2BIG, and it
 * would be refused anyway. With 64 KiB, a BATCH_FORGET has 4,000 inodes instead of 500.
 */
const REQUEST_CAPACITY = 64 * 1024;

/** Consecutive unknown errors of the device that end a reader, so that it does not spin. */
const READ_FAILURES_MAX = 8;

/** Errors of read(2) on the device after which it is read again (fuse_dev_do_read). */
const PASSING_ERRORS: ReadonlySet<string | undefined> = new Set([
  'ENOENT', // the request was interrupted while it was copied
  'EINTR',
  'EAGAIN',
]);

/** Errors of write(2) for a reply that no process waits for: interrupted, unmounted. */
const UNWANTED_REPLY_ERRORS: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV']);

/**
 * The open `/dev/fuse`: reads requests until the kernel has no more, and writes replies. It owns
 * the descriptor and closes it at the end. If the connection is still open then, that ends it, and
 * the mount answers ENOTCONN.
 */
export class DeviceChannel implements ReplySink {
  #isOpen = true;

  constructor(
    private readonly descriptor: number,
    private readonly log: Log,
  ) {}

  /**
   * Reads requests. Resolves when the kernel sends no more and the descriptor is closed.
   * @param onRequest called for each request, which is parsed in place and overwritten after the
   *   call
   */
  async serve(onRequest: (request: FuseRequest) => void): Promise<void> {
    await Promise.all(Array.from({ length: READERS }, () => this.#readRequests(onRequest)));
    this.#isOpen = false;
    closeSync(this.descriptor);
  }

  #readRequests(onRequest: (request: FuseRequest) => void): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(REQUEST_CAPACITY);
    const request = new FuseRequest(buffer);
    let failures = 0;
    return new Promise((resolve) => {
      const next = () => read(this.descriptor, buffer, 0, REQUEST_CAPACITY, null, onRead);
      const onRead = (error: NodeJS.ErrnoException | null, length: number) => {
        if (!error) {
          failures = 0;
          request.length = length;
          onRequest(request);
          return next();
        }
        if (PASSING_ERRORS.has(error.code)) return next();
        if (error.code !== 'ENODEV') {
          this.log.error(`reading /dev/fuse: ${error.message}`);
          if (++failures < READ_FAILURES_MAX) return next();
        }
        resolve();
      };
      next();
    });
  }

  /**
   * Drops the bytes of a file that the kernel has cached. In the thread pool: the kernel waits for
   * pages that are being read, and these for our replies.
   */
  async forgetContent(inode: number): Promise<void> {
    if (!this.#isOpen) return;
    const { SIZE } = FUSE_OUT_HEADER;
    const notice = new DataView(new ArrayBuffer(SIZE + FUSE_NOTIFY_INVAL_INODE_OUT.SIZE));
    notice.setUint32(FUSE_OUT_HEADER.len, notice.byteLength, LITTLE_ENDIAN);
    notice.setInt32(FUSE_OUT_HEADER.error, FUSE_NOTIFY_INVAL_INODE, LITTLE_ENDIAN);
    // From offset 0 with length 0: all of it.
    putU64(notice, SIZE + FUSE_NOTIFY_INVAL_INODE_OUT.ino, inode);
    await new Promise<void>((resolve) => {
      write(this.descriptor, new Uint8Array(notice.buffer), (error) => {
        // ENOENT: the kernel does not know the file, so it has nothing of it.
        if (error && !UNWANTED_REPLY_ERRORS.has(error.code))
          this.log.error(`dropping cached bytes of inode ${inode}: ${error.message}`);
        resolve();
      });
    });
  }

  /**
   * Writes one reply. Synchronous, because it only copies memory, and the thread pool would cost
   * more. The kernel takes a reply in one write or not at all.
   */
  send(head: Uint8Array, headLength: number, data?: Uint8Array): void {
    // A read may end after the mount did, when its descriptor may be another file's.
    if (!this.#isOpen) return;
    try {
      if (data === undefined || data.length === 0) writeSync(this.descriptor, head, 0, headLength);
      else writevSync(this.descriptor, [head.subarray(0, headLength), data]);
    } catch (error) {
      if (UNWANTED_REPLY_ERRORS.has(systemCode(error))) return;
      this.log.error(`writing a reply of ${headLength + (data?.length ?? 0)} bytes to /dev/fuse: ${error}`);
    }
  }
}
