import type { TarEntry } from '../tar/entry.js';

/**
 * Receives bytes `[start, end)` of `memory`: the tar's from `offset` on. The pass has their entries
 * already. Valid during the call only. An exception thrown here ends the pass.
 */
export type OnTarBytes = (memory: Uint8Array, start: number, end: number, offset: number) => void;

/** Sees all that a pass reads, in the pass's thread. An exception thrown here ends the pass. */
export interface PassObserver {
  /** Each entry before its content. It is valid during the call only. */
  onEntry(entry: TarEntry): void;
  /** Bytes of the blob, from `offset` on, when the pass has decoded them. */
  onInput(bytes: Uint8Array, offset: number): void;
  onBytes: OnTarBytes;
}
