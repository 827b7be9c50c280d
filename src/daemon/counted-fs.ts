import type { Attributes, FileBytes, LayerFs, Statfs, VisitName } from '../fs/layer-fs.js';

/** A LayerFs that counts the bytes it hands to readers. */
export class CountedFs implements LayerFs {
  bytesServed = 0;
  readonly #fs: LayerFs;

  constructor(fs: LayerFs) {
    this.#fs = fs;
  }

  read(inode: number, offset: number, length: number, signal?: AbortSignal): FileBytes {
    const bytes = this.#fs.read(inode, offset, length, signal);
    if (bytes instanceof Uint8Array) {
      this.bytesServed += bytes.length;
      return bytes;
    }
    return bytes.then((late) => {
      this.bytesServed += late.length;
      return late;
    });
  }

  seek(inode: number, offset: number, what: 'data' | 'hole'): number | undefined {
    return this.#fs.seek(inode, offset, what);
  }

  lookup(parent: number, name: Uint8Array): number {
    return this.#fs.lookup(parent, name);
  }

  getattr(inode: number, into: Attributes): Attributes {
    return this.#fs.getattr(inode, into);
  }

  readlink(inode: number): Uint8Array {
    return this.#fs.readlink(inode);
  }

  readdir(directory: number, offset: number, visit: VisitName): void {
    this.#fs.readdir(directory, offset, visit);
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array | undefined {
    return this.#fs.getxattr(inode, name);
  }

  listxattr(inode: number): Uint8Array {
    return this.#fs.listxattr(inode);
  }

  statfs(): Statfs {
    return this.#fs.statfs();
  }
}
