import { joinPath } from '../../overlay/resolve-path.js';
import { TAR_END, tarHeader, tarPadding, type WrittenEntry } from '../../tar/tar-writer.js';
import type { CarveTarget, KeptAttributes, SpecialFile, TargetFile } from './carve-target.js';
import { SequentialSink } from './sequential-sink.js';

/** Bytes per write. A tar of small files would otherwise need three writes per file. */
const BATCH_SIZE = 64 * 1024;

/** Extracted files as a tar, written as they come. */
export class TarStream implements CarveTarget {
  readonly #batch = new Uint8Array(BATCH_SIZE);
  #batched = 0;

  /** @param write takes the bytes before it returns */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  check(): void {}

  display(names: readonly Uint8Array[]): string {
    return pathOf(names).toString();
  }

  begin(names: readonly Uint8Array[], attributes: KeptAttributes & { size: number }): TargetFile {
    this.#header('file', names, attributes, { size: attributes.size });
    const put = (bytes: Uint8Array) => this.#put(bytes);
    return new SequentialSink(attributes.size, put, () => put(tarPadding(attributes.size)));
  }

  beginDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void {
    this.#header('dir', [...names, Buffer.alloc(0)], attributes);
  }

  endDirectory(): void {}

  symlink(names: readonly Uint8Array[], linkTarget: Uint8Array, attributes: KeptAttributes): void {
    this.#header('symlink', names, attributes, { linkTarget });
  }

  special(names: readonly Uint8Array[], file: SpecialFile, attributes: KeptAttributes): void {
    const { kind, deviceMajor, deviceMinor } = file;
    this.#header(kind, names, attributes, kind === 'fifo' ? {} : { deviceMajor, deviceMinor });
  }

  link(names: readonly Uint8Array[], to: readonly Uint8Array[], attributes: KeptAttributes): void {
    this.#header('hardlink', names, attributes, { linkTarget: pathOf(to) });
  }

  end(): void {
    this.#put(TAR_END);
    this.#flush();
  }

  #put(bytes: Uint8Array): void {
    if (this.#batched + bytes.length > BATCH_SIZE) this.#flush();
    if (bytes.length > BATCH_SIZE) {
      this.write(bytes);
    } else {
      this.#batch.set(bytes, this.#batched);
      this.#batched += bytes.length;
    }
  }

  #flush(): void {
    if (this.#batched > 0) this.write(this.#batch.subarray(0, this.#batched));
    this.#batched = 0;
  }

  #header(
    kind: WrittenEntry['kind'],
    names: readonly Uint8Array[],
    attributes: KeptAttributes,
    more: Partial<WrittenEntry> = {},
  ): void {
    this.#put(tarHeader({ ...attributes, kind, path: pathOf(names), size: 0, ...more }));
  }
}

/** Relative; the root itself is `./`. */
function pathOf(names: readonly Uint8Array[]): Buffer {
  const path = joinPath(names).subarray(1);
  return path.length === 0 ? Buffer.from('./') : path;
}
