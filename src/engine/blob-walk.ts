import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { LayerslayerError, withContext } from '../base/errors.js';
import { ThreadPeer, Transferred } from '../base/thread-rpc.js';
import { IndexPass, type TableAllowance } from '../index/index-pass.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { BlobMethods, StreamMethods } from './fetch/fetch-protocol.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';
import type { LayerWatcher } from './layer-watcher.js';

/**
 * A scan with enough data continues to the next multiple of this, in bytes of the blob. The first
 * ranges are as long, so these bytes are already in flight.
 */
const STRIDE = 64 * 1024;

export interface BlobWalkOptions {
  blob: BlobNumber;
  digest: Digest;
  blobSize: number; // bytes
  end: number; // bytes of the blob that are read at most; its size, or fewer
  allowance: TableAllowance;
  /** Gives the other end of a conversation to the fetching thread. */
  connect(port: MessagePort): void;
  signal: AbortSignal;
}

/**
 * Result of a scan: the parts of a whole blob's index, or how far it got. Nothing is verified
 * before the end.
 */
export type BlobWalkEnd = { pass: IndexPass; pageDigests: Uint8Array } | { readBytes: number };

/**
 * One pass over a blob in this thread, for those that look on: it inflates here, between what else the event loop has to do,
 * what the fetching thread sends. For processes that have no file system to serve meanwhile.
 * @throws LayerslayerError what the source throws; DIGEST_MISMATCH; CORRUPT_LAYER, UNSUPPORTED; what the watcher throws
 */
export async function walkBlob(watcher: LayerWatcher, options: BlobWalkOptions): Promise<BlobWalkEnd> {
  const { blob, digest, end, connect, signal } = options;
  const stop = new AbortController();
  let hasEnough = false; // as the watcher reported last
  let stopAt: number | undefined; // a multiple of STRIDE, independent of network chunk sizes
  let fault: LayerslayerError | undefined; // of the blob
  let watcherFault: unknown;
  let readBytes = 0;
  const look = (ask: () => boolean) => {
    if (watcherFault !== undefined) return;
    try {
      hasEnough = ask();
    } catch (error) {
      watcherFault = error;
    }
  };
  const begin = () => {
    const begun: IndexPass = new IndexPass(digest, {
      allowance: options.allowance,
      blobSize: options.blobSize,
      observer: {
        onEntry: (entry, row) => look(() => watcher.onEntry(entry, row, () => begun.entriesSoFar())),
        onBytes: (memory, from, to, offset) =>
          look(() => watcher.onBytes?.(memory.subarray(from, to), offset) ?? hasEnough),
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
      watcher.onRestart();
      return false;
    });
  };
  const settled = async () => {
    try {
      await watcher.settled?.();
    } catch (error) {
      watcherFault ??= error;
      stop.abort(STOPPED);
    }
  };
  /** @returns whether no more is needed */
  const take = async (piece: Uint8Array, offset: number): Promise<boolean> => {
    let isEnough = false;
    if (offset === 0 && readBytes > 0) restart();
    if (watcherFault === undefined && !fault) {
      readBytes += piece.length;
      for (let at = 0; at < piece.length && !fault; at += PUSHED_AT_ONCE) {
        // Publish the previous part first: 256 KiB of gzip may hold 256 MB of names to list.
        if (at > 0 && watcherFault === undefined) await settled();
        try {
          pass.push(piece.subarray(at, at + PUSHED_AT_ONCE));
        } catch (error) {
          fault = withContext(error, `reading layer ${shortDigest(digest)}`);
        }
      }
      stopAt = hasEnough ? (stopAt ?? Math.ceil(readBytes / STRIDE) * STRIDE) : undefined;
      if (watcherFault !== undefined || fault?.code === 'UNSUPPORTED') stop.abort(STOPPED);
      // Of a damaged layer the rest still comes: only the digest tells damage on the way from a layer that was made so.
      // If all bytes are here, check the digest too; it costs no extra fetch.
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
  connect(port1);
  try {
    const pageDigests = await peer.call(
      'stream',
      { blob, observedEnd: end },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    await turn;
    if (watcherFault !== undefined) throw watcherFault;
    if (fault) throw fault;
    return pageDigests ? { pass, pageDigests } : { readBytes };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    await turn;
    if (watcherFault !== undefined) throw watcherFault;
    throw fault?.code === 'UNSUPPORTED' ? fault : error;
  } finally {
    port2.close();
    pass.release();
  }
}

/** Bytes of a chunk that are inflated before the watcher may yield to others. */
const PUSHED_AT_ONCE = 32 * 1024;

const STOPPED = new LayerslayerError('ABORTED', 'the walk was stopped');
