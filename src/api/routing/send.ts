import type { ServerResponse } from 'node:http';
import { abortable } from '../../base/tasks/abortable.js';
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
  /** Called when the first chunk is there. */
  onStart(): void;
  /** Receives what the stream throws after its first chunk. */
  onFault(error: unknown): void;
}

/**
 * Returns lines of JSON as bytes, many at once. A fault before the first chunk is thrown; a later
 * one becomes a line.
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
  let next = await abortable(iterator.next(), limits.signal);
  limits.onStart();
  outgoing.writeHead(status, headers);
  let sent = 0;
  try {
    while (!next.done) {
      sent += next.value.length;
      if (limits.signal.aborted || sent > limits.maxBytes) break;
      if (!outgoing.write(next.value) && !(await drained(outgoing, limits))) break;
      next = await abortable(iterator.next(), limits.signal);
    }
  } catch (error) {
    if (!limits.signal.aborted) limits.onFault(error);
  } finally {
    if (next.done) outgoing.end();
    else outgoing.destroy(); // short of its length: the client sees that something is missing
    iterator.return?.().catch(() => {}); // not awaited: a source that hangs must not hold this
  }
}

async function* asAsync(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** @returns false if the client takes nothing, or is gone, or the signal is aborted */
function drained(outgoing: ServerResponse, { stallMs, signal }: SendLimits): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isDrained: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onEnd);
      outgoing.off('drain', onDrain).off('close', onEnd);
      resolve(isDrained);
    };
    const onDrain = () => end(true);
    const onEnd = () => end(false);
    const timer = setTimeout(onEnd, stallMs);
    outgoing.once('drain', onDrain).once('close', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
    if (outgoing.destroyed || signal.aborted) onEnd();
  });
}
