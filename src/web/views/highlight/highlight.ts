import type { Spans } from './colored-parts.js';
import type { HighlightRequest } from './highlight-worker.js';

/** Milliseconds that a file may take. 500 KB of JavaScript take 1,000 on a busy core (measured). */
const DEADLINE_MS = 4_000;

/** Returns the colours of a text; undefined: it stays plain, as after the deadline. */
export async function highlight(
  text: string,
  language: string,
  signal: AbortSignal,
): Promise<Spans | undefined> {
  const { WORKER_URL } = await import('./highlight-worker.js');
  if (signal.aborted) return undefined;
  const worker = new Worker(WORKER_URL, { type: 'module' });
  try {
    return await new Promise<Spans | undefined>((resolve) => {
      const giveUp = () => resolve(undefined);
      worker.onmessage = ({ data }: MessageEvent<Spans | undefined>) => resolve(data);
      worker.onerror = giveUp;
      signal.addEventListener('abort', giveUp, { once: true });
      setTimeout(giveUp, DEADLINE_MS);
      worker.postMessage({ text, language } satisfies HighlightRequest);
    });
  } finally {
    worker.terminate();
  }
}
