import type { EntryTable } from '../index/entry-table.js';
import type { TarEntry } from '../tar/entry.js';

/**
 * Observes a layer from its first byte. Each call returns whether the observer has enough so far.
 * The scan then stops fetching, but still passes fetched bytes; a later call may need more again.
 */
export interface LayerObserver {
  /**
   * Each entry as it is found, before its content passes; valid during the call only. Rows count
   * from 0.
   * @param soFar returns the entries passed so far; it may be called later too.
   */
  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean;
  /** Bytes of the tar from `offset` on, after their entries. Valid during the call only. */
  onBytes?(bytes: Uint8Array, offset: number): boolean;
  /** Wrong bytes came: everything so far is void, and all entries come again. */
  onRestart(): void;
  /** Called between bytes. The scan waits for the promise: the observer writes what it has made. */
  settled?(): Promise<void> | undefined;
}
