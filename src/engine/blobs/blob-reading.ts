import { MessageChannel } from 'node:worker_threads';
import { LayerslayerError } from '../../base/errors.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { BlobMethods, StreamMethods } from '../fetch/fetch-protocol.js';
import type { Fetching } from '../fetch/fetching.js';
import type { BlobStreams } from '../image-session.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';

/** Bytes of a chunk. */
const CHUNK_SIZE = 256 * 1024;

/** Bytes that one request fetches ahead of a reader. */
const AHEAD = 4 * 1024 * 1024;

/** A blob of an image, open in the fetch thread. */
export interface ReadBlob {
  blob: BlobNumber;
  digest: Digest;
  size: number; // compressed bytes
  isChecked: boolean; // the fetch thread has the digests of its blocks
}

/** Returns what reads a blob, by its blocks if they are checked, else whole. */
export function blobStreams(fetching: Fetching, read: ReadBlob, ends: AbortSignal): BlobStreams {
  const { size, isChecked } = read;
  const range = (offset: number, length: number) => readBlobRange(fetching, read, { offset, length }, ends);
  return {
    size,
    whole: () => (isChecked ? range(0, size) : readWholeBlob(fetching, read, ends)),
    ...(isChecked && { range }),
  };
}

/**
 * Yields a range of a blob whose block digests the fetch thread has: each byte is checked. The next
 * bytes are fetched when the caller wants them.
 * @throws LayerslayerError as `Blob.read`; the signal's reason
 */
async function* readBlobRange(
  fetching: Fetching,
  { blob }: ReadBlob,
  { offset, length }: { offset: number; length: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { peer, close } = conversation(fetching, {});
  const end = offset + length;
  try {
    for (let at = offset; at < end; at += CHUNK_SIZE) {
      const size = Math.min(CHUNK_SIZE, end - at);
      const aheadEnd = Math.min(end, at + AHEAD);
      yield await peer.call('read', { blob, offset: at, length: size, aheadEnd }, { signal });
    }
  } finally {
    close();
  }
}

/**
 * Yields a whole blob as it comes, and checks its digest. The last chunk comes when the digest is
 * right: a caller that has all bytes has the right ones. The stream waits for a slow caller.
 * @throws LayerslayerError DIGEST_MISMATCH; as `Blob.stream`; the signal's reason
 */
async function* readWholeBlob(
  fetching: Fetching,
  { blob, digest, size }: ReadBlob,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const parts = new PartQueue();
  const { peer, close } = conversation(fetching, parts.handlers);
  const request = { blob, pass: 0, observedEnd: size };
  const streaming = peer.call('stream', request, { signal });
  streaming.then(
    (digests) => parts.end(digests ? undefined : mismatch(digest)),
    (error) => parts.end(error),
  );
  try {
    let held: Uint8Array | undefined;
    let received = 0;
    for (let part = await parts.next(); part; part = await parts.next()) {
      // Wrong bytes come again from the first on, but some of them were passed on.
      if (part.offset !== received) throw mismatch(digest);
      received += part.bytes.length;
      if (held) yield held;
      held = part.bytes;
    }
    if (held) yield held;
  } finally {
    close();
  }
}

function mismatch(digest: Digest): LayerslayerError {
  return new LayerslayerError('DIGEST_MISMATCH', `reading ${shortDigest(digest)}: its bytes are wrong`);
}

/** Starts to talk to the fetch thread as a thread that reads blobs does. */
function conversation(fetching: Fetching, handlers: object) {
  const { port1, port2 } = new MessageChannel();
  const peer = new ThreadPeer<BlobMethods>(port1, handlers);
  fetching.attach(port2);
  return { peer, close: () => port1.close() }; // it ends what is under way in the other thread
}

interface Part {
  bytes: Uint8Array; // a copy
  offset: number;
}

/** Parts of a stream, until the reader takes them. */
class PartQueue {
  readonly #parts: { part: Part; taken: () => void }[] = [];
  #wake: () => void = () => {};
  #ended: { error: unknown } | undefined;

  readonly handlers: StreamMethods = {
    part: async ({ bytes, offset }) => {
      const buffer = bytes.buffer as ArrayBuffer;
      await new Promise<void>((taken) => {
        this.#parts.push({ part: { bytes: new Uint8Array(bytes), offset }, taken });
        this.#wake();
      });
      return new Transferred({ buffer, isEnough: false }, [buffer]);
    },
  };

  /** @param error undefined: the stream was complete */
  end(error: unknown): void {
    this.#ended = { error };
    this.#wake();
  }

  /** @returns undefined after the last part @throws what the stream ended with */
  async next(): Promise<Part | undefined> {
    for (;;) {
      const next = this.#parts.shift();
      next?.taken();
      if (next) return next.part;
      if (this.#ended) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
