import type { ProgressDisplay } from '../progress/progress.js';
import type { Output } from './output.js';

/** Lines of one write. Then the reader may catch up. */
const LINES_AT_ONCE = 1000;

export interface LineReceiver {
  display: ProgressDisplay;
  output: Output;
  signal: AbortSignal;
}

/**
 * Writes lines to stdout, many at once: a million lines are not a million writes. Waits for a slow
 * reader, so the lines need not fit into memory.
 * @throws the signal's reason
 */
export async function writeLines(
  lines: Iterable<string>,
  { display, output, signal }: LineReceiver,
): Promise<void> {
  let batch: string[] = [];
  const flush = async () => {
    if (batch.length > 0) display.result(batch.join('\n'));
    batch = [];
    await output.flushed();
    signal.throwIfAborted();
  };
  for (const line of lines) {
    batch.push(line);
    if (batch.length === LINES_AT_ONCE) await flush();
  }
  await flush();
}
