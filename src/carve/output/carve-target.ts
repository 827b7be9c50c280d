import type { ExtendedAttribute } from '../../tar/entry.js';

/** Attributes that an extracted file retains. */
export interface KeptAttributes {
  mode: number; // 0 to 0o7777
  uid: number;
  gid: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  xattrs?: readonly ExtendedAttribute[]; // for targets that have them
}

/** A file with neither content nor children. */
export interface SpecialFile {
  kind: 'char' | 'block' | 'fifo';
  deviceMajor: number; // 0 for a FIFO
  deviceMinor: number;
}

/** Where a file's content goes. Offsets ascend; what is never written is zeros (holes). */
export interface ContentSink {
  /** The bytes are the caller's again when this returns. */
  write(bytes: Uint8Array, offset: number): void;
}

/** A file that is being written. */
export interface TargetFile extends ContentSink {
  /** `discard` can't take back what was written: a fault ends the whole output. */
  readonly isStream?: boolean;
  /** All of it was written. @throws LayerslayerError IO_FAILED; then nothing of it is left */
  commit(): void;
  /** Leaves nothing of it behind, unless it was committed. */
  discard(): void;
}

/** Where extracted files go: a directory, a tar, or one file's bytes. Names start at its root. */
export interface CarveTarget {
  /** Written bytes can't be taken back, so write only content that is certain. */
  readonly isStream?: boolean;
  /**
   * Checks that a file can get this name, as far as possible before it is fetched. A directory of
   * that name is left to `begin`: the image may have a directory there too, which is another fault.
   * @throws LayerslayerError IO_FAILED
   */
  check(names: readonly Uint8Array[]): void;
  /** @throws LayerslayerError IO_FAILED */
  begin(names: readonly Uint8Array[], attributes: KeptAttributes & { size: number }): TargetFile;
  beginDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void;
  endDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void;
  symlink(names: readonly Uint8Array[], target: Uint8Array, attributes: KeptAttributes): void;
  /**
   * Writes a device or a FIFO. Targets without such files report a failure.
   * @throws LayerslayerError IO_FAILED; UNSUPPORTED if this user or the system can't make it
   */
  special?(names: readonly Uint8Array[], file: SpecialFile, attributes: KeptAttributes): void;
  /** Links another name to an earlier file. Targets without links get the file again. */
  link?(names: readonly Uint8Array[], to: readonly Uint8Array[], attributes: KeptAttributes): void;
  /** Where the names end up, for messages. */
  display(names: readonly Uint8Array[]): string;
}
