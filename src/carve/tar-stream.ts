import { TAR_END, tarHeader, tarPadding, type WrittenEntry } from '../tar/tar-writer.js';
import type { CarveTarget, KeptAttributes, TargetFile } from './carve-target.js';
import { SequentialSink } from './sequential-sink.js';

const SLASH = Buffer.from('/');

/** Extracted files as a tar, written as they come. */
export class TarStream implements CarveTarget {
  readonly #write: (bytes: Uint8Array) => void;

  /** @param write takes the bytes before it returns */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  check(): void {}

  display(names: readonly Uint8Array[]): string {
    return pathOf(names).toString();
  }

  begin(names: readonly Uint8Array[], attributes: KeptAttributes & { size: number }): TargetFile {
    this.#header('file', names, attributes, { size: attributes.size });
    return new SequentialSink(attributes.size, this.#write, () => this.#write(tarPadding(attributes.size)));
  }

  beginDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void {
    this.#header('dir', [...names, Buffer.alloc(0)], attributes);
  }

  endDirectory(): void {}

  symlink(names: readonly Uint8Array[], linkTarget: Uint8Array, attributes: KeptAttributes): void {
    this.#header('symlink', names, attributes, { linkTarget });
  }

  link(names: readonly Uint8Array[], to: readonly Uint8Array[], attributes: KeptAttributes): void {
    this.#header('hardlink', names, attributes, { linkTarget: pathOf(to) });
  }

  end(): void {
    this.#write(TAR_END);
  }

  #header(
    kind: WrittenEntry['kind'],
    names: readonly Uint8Array[],
    { mode, uid, gid, mtimeSeconds, mtimeNanoseconds }: KeptAttributes,
    more: Partial<WrittenEntry> = {},
  ): void {
    const attributes = { mode, uid, gid, mtimeSeconds, mtimeNanoseconds };
    this.#write(tarHeader({ kind, path: pathOf(names), size: 0, ...attributes, ...more }));
  }
}

/** Relative; the root itself is `./`. */
function pathOf(names: readonly Uint8Array[]): Buffer {
  const path = Buffer.concat(names.flatMap((name, i) => (i === 0 ? [name] : [SLASH, name])));
  return path.length === 0 ? Buffer.from('./') : path;
}
