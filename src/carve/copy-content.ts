import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Layer } from '../engine/layer.js';
import type { TargetFile } from './output/carve-target.js';
import type { FoundFile } from './search/wanted-file.js';

/** Bytes read at once: the longest read that a layer answers out of its pool of results. */
const STEP = 1024 * 1024;

/**
 * Copies a file of an indexed layer. Holes of sparse files are left out, unless the sink is a
 * stream.
 * @throws LayerslayerError as Layer.read; what the sink throws; the signal's reason
 */
export async function copyContent(
  layer: Layer,
  { row, size }: Pick<FoundFile, 'row' | 'size'>,
  sink: Pick<TargetFile, 'write' | 'isStream'>,
  { settled, signal }: { settled?: (() => Promise<void> | undefined) | undefined; signal?: AbortSignal } = {},
): Promise<void> {
  const sparse = sink.isStream ? undefined : layer.entries.sparse(row);
  const segments = sparse ?? [0, size]; // offset, length, offset, length, …
  for (let i = 0; i < segments.length; i += 2) {
    const end = segments[i]! + segments[i + 1]!;
    for (let at = segments[i]!; at < end; at += STEP) {
      const length = Math.min(STEP, end - at);
      // The bytes are lent until the next await.
      sink.write(await layer.read(row, at, length, signal), at);
      // Only the event loop frees buffers. Without a turn of it, cached files took 3 GiB.
      await nextTurn();
      await settled?.();
      signal?.throwIfAborted();
    }
  }
}
