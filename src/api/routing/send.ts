import type { ServerResponse } from 'node:http';
import { faultRecord } from '../answers/http-status.js';
import type { Chunks, Headers } from './route.js';

/** Bytes of lines that are written at once. */
const LINES_SIZE = 16 * 1024;

export interface SendLimits {
  /** A client that takes nothing for so long is cut off. */
  stallMs: number;
  /** Maximum bytes of an answer; a longer one is cut off. */
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * Returns lines of JSON as bytes, many at once. Whoever reads it gets the first chunk before any
 * fault is turned into a line.
 * @param fault returns what a last line says of a fault
 */
export async function* lineChunks(
  lines: AsyncIterable<object> | Iterable<object>,
  fault: (error: unknown) => object,
): AsyncGenerator<Uint8Array, void, undefined> {
  let text = '';
  let isBegun = false;
  try {
    for await (const line of lines) {
      text += `${JSON.stringify(line)}\n`;
      if (text.length < LINES_SIZE) continue;
      yield Buffer.from(text);
      isBegun = true;
      text = '';
    }
  } catch (error) {
    if (!isBegun && text === '') throw error;
    text += `${JSON.stringify(fault(error))}\n`;
  }
  if (text !== '') yield Buffer.from(text);
}

/** The last line after a fault. */
export function faultLine(error: unknown, requestId: string): object {
  return { error: { ...faultRecord(error), requestId } };
}

/**
 * Sends a stream. The head goes with the first chunk, so that a fault before it can still be
 * another answer. A later fault, a client that stalls and an answer over the cap destroy the
 * connection.
 * @throws what the stream throws before its first chunk
 */
export async function sendChunks(
  outgoing: ServerResponse,
  { status, headers }: { status: number; headers: Headers },
  chunks: Chunks,
  limits: SendLimits,
): Promise<void> {
  const iterator = asAsync(chunks)[Symbol.asyncIterator]();
  const first = await iterator.next();
  outgoing.writeHead(status, headers);
  let sent = 0;
  try {
    for (let next = first; !next.done; next = await iterator.next()) {
      limits.signal.throwIfAborted();
      sent += next.value.length;
      if (sent > limits.maxBytes) throw new Error('the answer is over the cap');
      if (!outgoing.write(next.value)) await drained(outgoing, limits);
    }
    outgoing.end();
  } catch {
    outgoing.destroy(); // short of its length: the client sees that something is missing
  } finally {
    await iterator.return?.();
  }
}

async function* asAsync(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** @throws the signal's reason; an error if the client takes nothing, or goes away */
function drained(outgoing: ServerResponse, { stallMs, signal }: SendLimits): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      outgoing.off('drain', onDrain).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = () => end();
    const onClose = () => end(new Error('the client went away'));
    const onAbort = () => end(signal.reason);
    const timer = setTimeout(() => end(new Error('the client reads nothing')), stallMs);
    outgoing.once('drain', onDrain).once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (outgoing.destroyed) onClose();
    else if (signal.aborted) onAbort();
  });
}
