import type { Readable } from 'node:stream';

/**
 * A path from the root of the image. A leading slash is optional, and `..` of the root is the root.
 * Bytes are for names that are not UTF-8. So is a string in which the lone surrogate U+DC80 to
 * U+DCFF stands for a byte 0x80 to 0xFF (PEP 383): names in this API are such strings.
 */
export type ImagePath = string | Uint8Array;

/** Options of one operation. */
export interface OperationOptions {
  /** Aborting it rejects the operation with ABORTED. */
  signal?: AbortSignal | undefined;
}

/** The attributes of a file, named as in `fs.Stats`. */
export interface FileAttributes {
  /** Type and permissions, as st_mode: a file with 0644 has 0o100644. */
  readonly mode: number;
  /** 0 to 2^32-2. */
  readonly uid: number;
  /** 0 to 2^32-2. */
  readonly gid: number;
  /** Bytes; of a symlink: of its target; of a directory: 4096. */
  readonly size: number;
  /** Last modification, to the millisecond. Invalid for years that `Date` does not know. */
  readonly mtime: Date;
  /** Milliseconds since 1970, with fractions as far as a number has them. */
  readonly mtimeMs: number;
  /** Nanoseconds since 1970, exact. */
  readonly mtimeNs: bigint;
  /** Of a device, else 0. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The layer that the file comes from, from 1; 0: no layer has it. */
  readonly layer: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
  isFIFO(): boolean;
  /** Always false: images have no sockets. */
  isSocket(): boolean;
}

/** A file of the image, as containers see it. */
export interface FileStats extends FileAttributes {
  /** The same for all hard links of a file; valid while the image is open. */
  readonly ino: number;
  readonly nlink: number;
}

/** An entry of a directory: an `fs.Dirent` that has the attributes of the file too. */
export interface DirectoryEntry extends FileStats {
  readonly name: string;
  /** The same as bytes. */
  readonly nameBytes: Buffer;
  /** Of the directory; absolute, without symlinks. */
  readonly parentPath: string;
}

/** A range of a file, as in `fs.createReadStream`. It is cut at the end of the file. */
export interface RangeOptions extends OperationOptions {
  /** First byte, from 0; default: 0. */
  start?: number | undefined;
  /** Last byte, inclusive; default: the last one of the file. */
  end?: number | undefined;
}

export interface ReadFileOptions extends RangeOptions {
  /** Default: the result is a Buffer. */
  encoding?: BufferEncoding | null | undefined;
  /**
   * Bytes of the result. A longer one is UNSUPPORTED, before anything is read. The image decides
   * how large its files are. Default: 2^31-1, as in `fs.readFile`.
   */
  maxSize?: number | undefined;
}

export interface ReadStreamOptions extends RangeOptions {
  /** Default: chunks are Buffers. */
  encoding?: BufferEncoding | undefined;
  /** Bytes that the stream reads ahead; default: 65536. */
  highWaterMark?: number | undefined;
}

/**
 * The content of a regular file. Bytes are fetched when they are read, and each is checked by a
 * digest. Reading anything else than a regular file is INVALID_ARGUMENT.
 */
export interface FileContent {
  /** Returns the content, or a range of it. */
  readFile(options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Buffer>;
  readFile(options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  /** Returns the content as a stream of Node. Errors destroy it. */
  createReadStream(options?: BufferEncoding | ReadStreamOptions): Readable;
  /** Returns the content as a web stream of bytes. Errors make it errored. */
  readableWebStream(options?: RangeOptions): ReadableStream<Uint8Array>;
}

/**
 * A member of a layer's tar archive, as archived: only files have a size. Whiteouts are members too
 * (`etc/.wh.passwd`). A hard link is no file, and has no content: its target has.
 */
export interface LayerEntry extends FileAttributes, FileContent {
  /** As archived: `etc/passwd`, `./etc/passwd`. */
  readonly path: string;
  readonly pathBytes: Buffer;
  /** Of symlinks and hard links. */
  readonly linkTarget: string | undefined;
  readonly linkTargetBytes: Buffer | undefined;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  isHardLink(): boolean;
}

/** What one layer did to a path. The content is what the path was then. */
export interface FileVersion extends FileContent {
  /** From 1, base first. */
  readonly layer: number;
  readonly change: 'added' | 'changed' | 'removed';
  /** Undefined: removed. */
  readonly stats: FileAttributes | undefined;
}
