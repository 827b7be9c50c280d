import { BufferPool } from '../../base/buffer-pool.js';
import type { Log } from '../../base/log.js';
import { abortable } from '../../base/tasks/abortable.js';
import type { ThreadPeer } from '../../base/thread-rpc.js';
import { type BlockDigests, PAGE_SIZE } from '../../blob/page.js';
import { streamVerified } from '../../blob/verified-stream.js';
import type { PassNumber } from '../inflate/inflate-protocol.js';
import type { StreamMethods } from './fetch-protocol.js';
import { GrowingRanges } from './growing-ranges.js';
import type { OpenBlob } from './open-blobs.js';
import { PartSender } from './part-sender.js';
import { StopBetweenChunks } from './stop-between-chunks.js';

/** Pages on their way to an inflate thread: 2 MiB cover the time that it takes to inflate one. */
const STREAM_BUFFERS = 8;

/**
 * Bytes at the end of a blob that an observed stream passes even if the observer has enough: a
 * range may be in flight already. The blob is then whole and can be verified.
 */
const OBSERVED_REST = 64 * 1024;

/** The thread that receives a stream, and the number of the stream there. */
export interface StreamReceiver {
  reader: ThreadPeer<StreamMethods>;
  pass: PassNumber;
}

/** Streams a whole blob in pages, which are cached. @returns the digests of its blocks */
export async function streamPages(
  { number, blob, digest, store, usesPages, counters, naming }: OpenBlob,
  { reader, pass }: StreamReceiver,
  log: Log,
  signal: AbortSignal,
): Promise<BlockDigests> {
  const buffers = new BufferPool(PAGE_SIZE, STREAM_BUFFERS);
  try {
    return await streamVerified(blob, {
      digest,
      store,
      usesPages,
      keepsPages: true,
      onStart: () => {
        counters.setProgress(number, 0);
        return 0;
      },
      takeBuffer: () => buffers.next(),
      onPart: (bytes, offset) => {
        counters.addProgress(number, bytes.length);
        const transfer = [bytes.buffer as ArrayBuffer];
        reader.call('part', { pass, bytes, offset }, { transfer }).then(
          ({ buffer }) => buffers.release(buffer),
          () => {}, // a reader that is gone aborts the stream
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
 * Streams the bytes before `end` until the observer has enough, in ranges that grow. They are not
 * cached: a search for one file would evict what mounts read.
 * @returns the digests of its blocks, if that was all of the blob
 */
export async function streamObserved(
  { number, blob, digest, store, usesPages, counters, naming }: OpenBlob,
  { reader, pass }: StreamReceiver,
  end: number,
  log: Log,
  signal: AbortSignal,
): Promise<BlockDigests | undefined> {
  const source = new GrowingRanges(blob);
  let left = end; // bytes still to come
  let attempt = 0;
  const stop = new StopBetweenChunks(() => left > OBSERVED_REST);
  const sender = new PartSender(async (bytes, offset) => {
    const ofAttempt = attempt;
    const transfer = [bytes.buffer as ArrayBuffer];
    const { buffer, isEnough } = await reader.call('part', { pass, bytes, offset }, { transfer });
    // What was enough of wrong bytes is not enough.
    if (isEnough && ofAttempt === attempt) stop.stop();
    return buffer;
  });
  const within = AbortSignal.any([signal, stop.signal]);
  const send = (chunk: Uint8Array) => {
    left -= chunk.length;
    counters.addProgress(number, chunk.length);
    return stop.after(sender.send(chunk));
  };
  const restart = () => {
    counters.setProgress(number, 0);
    left = end;
    attempt++;
    stop.restart();
    sender.restart();
    return 0;
  };
  try {
    restart();
    let digests: BlockDigests | undefined;
    if (end === blob.size) {
      const how = { digest, store, usesPages, onStart: restart, onPart: send, log, signal: within };
      digests = await streamVerified(source, how);
    } else if (end > 0) {
      await source.stream(0, end, (chunk) => abortable(send(chunk), within), within);
    }
    sender.flush(); // before the answer
    return digests;
  } catch (error) {
    if (signal.aborted || !stop.signal.aborted) throw naming(error);
    sender.flush();
    return undefined;
  }
}
