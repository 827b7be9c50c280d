import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { LayerslayerError, withContext } from '../base/errors.js';
import { ThreadPeer, Transferred } from '../base/thread-rpc.js';
import type { FoundIndex } from '../index/cached-indexes.js';
import { IndexPass } from '../index/pass/index-pass.js';
import type { TableAllowance } from '../index/pass/table-budget.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { BlobMethods, StreamMethods } from './fetch/fetch-protocol.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';
import type { LayerObserver } from './layer-observer.js';

/**
 * A scan with enough data continues to the next multiple of this, in bytes of the blob. The first
 * ranges are as long, so these bytes are already in flight.
 */
const STRIDE = 64 * 1024;

export interface BlobScanOptions {
  blob: BlobNumber;
  digest: Digest;
  blobSize: number; // bytes
  end: number; // bytes of the blob that are read at most; its size, or fewer
  allowance: TableAllowance;
  fetching: { attach(port: MessagePort): void };
  signal: AbortSignal;
}

/** The index of a whole blob, or how far the scan got: nothing is verified then. */
export type BlobScanEnd = { index: FoundIndex } | { readBytes: number };

/**
 * Runs one pass over a blob for an observer. It inflates in this thread, so the process must have
 * no file system to serve meanwhile.
 * @throws LayerslayerError what the source and the observer throw; DIGEST_MISMATCH; CORRUPT_LAYER,
 *   UNSUPPORTED
 */
export async function scanBlob(observer: LayerObserver, options: BlobScanOptions): Promise<BlobScanEnd> {
  const { blob, digest, end, fetching, signal } = options;
  const stop = new AbortController();
  let hasEnough = false; // as the observer reported last
  let stopAt: number | undefined; // a multiple of STRIDE, independent of network chunk sizes
  let fault: LayerslayerError | undefined; // of the blob
  let observerFault: unknown;
  let readBytes = 0;
  const look = (ask: () => boolean) => {
    if (observerFault !== undefined) return;
    try {
      hasEnough = ask();
    } catch (error) {
      observerFault = error;
    }
  };
  const begin = () => {
    const begun: IndexPass = new IndexPass(digest, {
      allowance: options.allowance,
      blobSize: options.blobSize,
      observer: {
        onEntry: (entry, row) => look(() => observer.onEntry(entry, row, () => begun.entriesSoFar())),
        onBytes: (memory, from, to, offset) =>
          look(() => observer.onBytes?.(memory.subarray(from, to), offset) ?? hasEnough),
      },
    });
    return begun;
  };
  let pass = begin();
  const restart = () => {
    pass.release();
    pass = begin();
    hasEnough = false;
    stopAt = undefined;
    fault = undefined;
    readBytes = 0;
    look(() => {
      observer.onRestart();
      return false;
    });
  };
  const settled = async () => {
    try {
      await observer.settled?.();
    } catch (error) {
      observerFault ??= error;
      stop.abort(STOPPED);
    }
  };
  /** @returns whether no more is needed */
  const take = async (piece: Uint8Array, offset: number): Promise<boolean> => {
    let isEnough = false;
    if (offset === 0 && readBytes > 0) restart();
    if (observerFault === undefined && !fault) {
      readBytes += piece.length;
      for (let at = 0; at < piece.length && !fault; at += PUSHED_AT_ONCE) {
        // Publish the previous part first: 256 KiB of gzip may hold 256 MB of names to list.
        if (at > 0 && observerFault === undefined) await settled();
        try {
          pass.push(piece.subarray(at, at + PUSHED_AT_ONCE));
        } catch (error) {
          fault = withContext(error, `reading layer ${shortDigest(digest)}`);
        }
      }
      stopAt = hasEnough ? (stopAt ?? Math.ceil(readBytes / STRIDE) * STRIDE) : undefined;
      if (observerFault !== undefined || fault?.code === 'UNSUPPORTED') stop.abort(STOPPED);
      // The rest of a damaged layer still comes: the digest tells damage on the way from a bad
      // layer. If all bytes are here, check the digest too; it costs no extra fetch.
      else isEnough = !fault && stopAt !== undefined && readBytes >= stopAt && readBytes < end;
      await settled();
    }
    return isEnough;
  };
  let turn: Promise<unknown> = Promise.resolve(); // of the piece that came last
  const { port1, port2 } = new MessageChannel();
  const peer = new ThreadPeer<BlobMethods>(port2, {
    async part({ bytes, offset }) {
      const taken = turn.then(() => take(bytes, offset));
      turn = taken;
      const buffer = bytes.buffer as ArrayBuffer;
      return new Transferred({ buffer, isEnough: await taken }, [buffer]);
    },
  } satisfies StreamMethods);
  fetching.attach(port1);
  try {
    const blockDigests = await peer.call(
      'stream',
      { blob, observedEnd: end },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    await turn;
    if (observerFault !== undefined) throw observerFault;
    if (fault) throw fault;
    if (!blockDigests) return { readBytes };
    try {
      return { index: await pass.finish(blockDigests) };
    } catch (error) {
      throw withContext(error, `reading layer ${shortDigest(digest)}`);
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    await turn;
    if (observerFault !== undefined) throw observerFault;
    throw fault?.code === 'UNSUPPORTED' ? fault : error;
  } finally {
    port2.close();
    pass.release();
  }
}

/** Bytes of a chunk that are inflated before the observer may yield to others. */
const PUSHED_AT_ONCE = 32 * 1024;

const STOPPED = new LayerslayerError('ABORTED', 'the scan was stopped');
