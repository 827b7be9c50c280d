import type { MessagePort } from 'node:worker_threads';
import { abortable } from '../../base/abortable.js';
import type { Log } from '../../base/log.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { BufferPool } from '../../blob/buffer-pool.js';
import { GrowingRanges } from '../../blob/growing-ranges.js';
import { type BlockDigests, PAGE_SIZE } from '../../blob/page.js';
import { streamVerified } from '../../blob/verified-stream.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { BlobMethods, StreamMethods } from './fetch-protocol.js';
import type { OpenBlobs } from './open-blobs.js';
import { PartSender } from './part-sender.js';
import { StopBetweenChunks } from './stop-between-chunks.js';

/** Pages on their way to an inflate thread: 2 MiB cover the time that it takes to inflate one. */
const STREAM_BUFFERS = 8;

/**
 * Bytes at the end of a blob that an observed stream passes even if the observer has enough: a range may be
 * in flight already. The blob is then whole and can be verified.
 */
const OBSERVED_REST = 64 * 1024;

export interface BlobPortOptions {
  blobs: OpenBlobs;
  log: Log;
  /** Notes a stream under way: it ends before the cache is closed. */
  tracked<T>(streaming: Promise<T>): Promise<T>;
}

/** Serves a thread that reads and streams blobs. */
export function serveBlobs(port: MessagePort, { blobs, log, tracked }: BlobPortOptions): void {
  const methods: BlobMethods = {
    async read({ blob: number, offset, length = 0, aheadEnd = 0 }, signal) {
      const blob = await blobs.get(number);
      try {
        if (aheadEnd > offset) blob.blocks().prefetch(offset, aheadEnd);
        const bytes = await blob.blocks().read(offset, length, signal);
        return new Transferred(bytes, [bytes.buffer]);
      } catch (error) {
        throw blob.naming(error);
      }
    },
    stream: ({ blob, observedEnd }, signal) =>
      tracked(observedEnd === undefined ? stream(blob, signal) : observe(blob, observedEnd, signal)),
  };
  const reader = new ThreadPeer<StreamMethods>(port, methods);
  const send = (blob: BlobNumber, bytes: Uint8Array, offset: number) =>
    reader.call('part', { blob, bytes, offset }, { transfer: [bytes.buffer as ArrayBuffer] });

  /** The whole blob in pages, which are cached. */
  async function stream(number: BlobNumber, signal: AbortSignal): Promise<BlockDigests> {
    const { blob, digest, cached, counters, naming } = await blobs.get(number);
    const buffers = new BufferPool(PAGE_SIZE, STREAM_BUFFERS);
    try {
      return await streamVerified(blob, {
        digest,
        cached,
        keepsPages: true,
        onStart: () => {
          counters.resetProgress(number);
          return 0;
        },
        takeBuffer: () => buffers.next(),
        onPart: (page, offset) => {
          counters.addProgress(number, page.length);
          // A reader that is gone aborts the stream.
          send(number, page, offset).then(
            ({ buffer }) => buffers.release(buffer),
            () => {},
          );
        },
        log,
        signal,
      });
    } catch (error) {
      throw naming(error);
    }
  }

  /**
   * The bytes before `end` until the observer has enough, in ranges that grow. They are not cached: a search
   * for one file would evict what mounts read.
   */
  async function observe(
    number: BlobNumber,
    end: number,
    signal: AbortSignal,
  ): Promise<BlockDigests | undefined> {
    const { blob, digest, cached, counters, naming } = await blobs.get(number);
    const source = new GrowingRanges(blob);
    let left = end; // bytes still to come
    const stop = new StopBetweenChunks(() => left > OBSERVED_REST);
    const sender = new PartSender(async (bytes, offset) => {
      const { buffer, isEnough } = await send(number, bytes, offset);
      if (isEnough) stop.stop();
      return buffer;
    });
    const within = AbortSignal.any([signal, stop.signal]);
    const pass = (chunk: Uint8Array) => {
      left -= chunk.length;
      counters.addProgress(number, chunk.length);
      return stop.after(sender.send(chunk));
    };
    const restart = () => {
      counters.resetProgress(number);
      left = end;
      sender.restart();
      return 0;
    };
    try {
      restart();
      let digests: BlockDigests | undefined;
      if (end === blob.size) {
        const how = { digest, cached, onStart: restart, onPart: pass, log, signal: within };
        digests = await streamVerified(source, how);
      } else if (end > 0) {
        await source.stream(0, end, (chunk) => abortable(pass(chunk), within), within);
      }
      sender.flush(); // before the answer
      return digests;
    } catch (error) {
      if (signal.aborted || !stop.signal.aborted) throw naming(error);
      sender.flush();
      return undefined;
    }
  }
}
