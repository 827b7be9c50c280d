import type { EntryTable } from '../layer/entry-table.js';
import type { TarEntry } from '../tar/entry.js';

/**
 * Sees a layer from its first byte on. Each call returns whether the watcher has enough, as far as it has seen. The walk then
 * stops fetching, but what was fetched still passes: a later call may find that it is not enough after all.
 */
export interface LayerWatcher {
  /**
   * Each entry as it is found, before its content passes; valid during the call only. Rows count from 0.
   * @param soFar returns the entries that have passed when it is called; it may be called later too
   */
  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean;
  /**
   * Bytes of the uncompressed tar from `offset` on, whose entries were told before; valid during the call only.
   */
  onBytes?(bytes: Uint8Array, offset: number): boolean;
  /** Called now and then; nothing more comes before what it returns has resolved (what was made of the bytes is written). */
  settled?(): Promise<void> | undefined;
}
