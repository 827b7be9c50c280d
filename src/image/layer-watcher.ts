import type { EntryTable } from '../layer/entry-table.js';
import type { TarEntry } from '../tar/entry.js';

/** Goes along a layer, from its first byte on; each call says whether it has seen enough: then the walk stops. */
export interface LayerWatcher {
  /**
   * Each entry as it is found, before its content passes; valid during the call only. Rows count from 0.
   * @param soFar the entries up to and with this one, as they are now
   */
  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean;
  /**
   * Bytes of the uncompressed tar from `offset` on, whose entries were told before; valid during the call only.
   */
  onBytes?(bytes: Uint8Array, offset: number): boolean;
  /** Called now and then; nothing more comes before what it returns has resolved (what was made of the bytes is written). */
  settled?(): Promise<void> | undefined;
}
