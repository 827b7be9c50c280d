import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { LayerslayerError, withContext } from '../base/errors.js';
import { ThreadPeer } from '../base/thread-rpc.js';
import { IndexPass } from '../layer/index-pass.js';
import type { BlobNumber } from '../layer/inflate-protocol.js';
import type { TableAllowance } from '../layer/table-budget.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { WalkMethods, WalkNotices } from './fetch-protocol.js';
import type { LayerWatcher } from './layer-watcher.js';

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

/** How a walk ended: at the end of a whole blob with what makes its index, or before. Nothing is verified before the end. */
export type BlobWalkEnd = { pass: IndexPass; pageDigests: Uint8Array } | { readBytes: number };

/**
 * One pass over a blob in this thread, for those that look on: it inflates here, between what else the event loop has to do,
 * what the fetching thread sends. For processes that have no file system to serve meanwhile.
 * @throws LayerslayerError what the source throws; DIGEST_MISMATCH; CORRUPT_LAYER, UNSUPPORTED; what the watcher throws
 */
export async function walkBlob(watcher: LayerWatcher, options: BlobWalkOptions): Promise<BlobWalkEnd> {
  const { blob, digest, end, connect, signal } = options;
  const stop = new AbortController();
  let enough = false;
  let fault: LayerslayerError | undefined; // of the blob
  let watcherFault: unknown;
  let readBytes = 0;
  const look = (isEnough: () => boolean) => {
    if (enough) return;
    try {
      enough = isEnough();
    } catch (error) {
      watcherFault = error;
      enough = true;
    }
  };
  const pass = new IndexPass(digest, {
    allowance: options.allowance,
    blobSize: options.blobSize,
    watcher: {
      onEntry: (entry, row) => look(() => watcher.onEntry(entry, row, () => pass.entriesSoFar())),
      onBytes: (memory, from, to, offset) =>
        look(() => watcher.onBytes?.(memory.subarray(from, to), offset) ?? false),
    },
  });
  const take = async (piece: Uint8Array) => {
    if (!enough && !fault) {
      readBytes += piece.length;
      for (let at = 0; at < piece.length && !fault; at += PUSHED_AT_ONCE) {
        // What was made of the part before goes first: 256 KiB of gzip may be 256 MB of names.
        if (at > 0 && !enough) await watcher.settled?.();
        try {
          pass.push(piece.subarray(at, at + PUSHED_AT_ONCE));
        } catch (error) {
          fault = withContext(error, `reading layer ${shortDigest(digest)}`);
        }
      }
      // Of a damaged layer the rest still comes: only the digest tells damage on the way from a layer that was made so.
      // So it does when all bytes are here already: then they might as well be checked.
      if ((enough && readBytes < end) || fault?.code === 'UNSUPPORTED') stop.abort(ENOUGH);
      await watcher.settled?.();
    }
    const { buffer } = piece as Uint8Array<ArrayBuffer>;
    peer.notify('used', { buffer }, [buffer]);
  };
  let turn: Promise<void> = Promise.resolve(); // of the piece that came last
  const { port1, port2 } = new MessageChannel();
  const peer = new ThreadPeer<WalkMethods>(port2, {
    piece({ bytes }) {
      turn = turn.then(() => take(bytes));
    },
  } satisfies WalkNotices);
  connect(port1);
  try {
    const pageDigests = await peer.call(
      'walk',
      { blob, end },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    await turn;
    if (watcherFault !== undefined) throw watcherFault;
    if (!enough && fault) throw fault;
    // The last bytes may have been sent before the other end heard that it is enough: they were not looked at.
    const isWhole = pageDigests !== undefined && !fault && readBytes === end;
    return isWhole ? { pass, pageDigests } : { readBytes };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    await turn;
    if (watcherFault !== undefined) throw watcherFault;
    // What stands behind the place that was looked for is not looked at.
    if (enough && stop.signal.aborted) return { readBytes };
    throw fault?.code === 'UNSUPPORTED' ? fault : error;
  } finally {
    port2.close();
    pass.release();
  }
}

/** Bytes of a piece that are inflated before the watcher may have others wait. */
const PUSHED_AT_ONCE = 32 * 1024;

const ENOUGH = new LayerslayerError('ABORTED', 'enough of the layer was read');
