import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Layer } from '../engine/layer.js';
import type { ContentSink } from './output/carve-target.js';
import type { FoundFile } from './search/wanted-file.js';

/** Bytes read at once: the longest read that a layer answers out of its pool of results. */
const STEP = 1024 * 1024;

/**
 * Copies a file of an indexed layer.
 * @throws LayerslayerError as Layer.read; what the sink throws; the signal's reason
 */
export async function copyContent(
  layer: Layer,
  { row, size }: Pick<FoundFile, 'row' | 'size'>,
  sink: ContentSink,
  { settled, signal }: { settled?: (() => Promise<void> | undefined) | undefined; signal?: AbortSignal } = {},
): Promise<void> {
  for (let at = 0; at < size; at += STEP) {
    const length = Math.min(STEP, size - at);
    // The bytes are lent until the next await.
    sink.write(await layer.read(row, at, length, signal), at);
    // Only the event loop frees buffers. Without a turn of it, cached files took 3 GiB.
    await nextTurn();
    await settled?.();
    signal?.throwIfAborted();
  }
}
