import type { FileBytes } from '../fs/layer-fs.js';
import { MergedFs } from '../fs/merged-fs.js';

/** A merged tree that counts the bytes it hands to readers. */
export class CountedFs extends MergedFs {
  bytesServed = 0;

  override read(inode: number, offset: number, length: number, signal?: AbortSignal): FileBytes {
    const bytes = super.read(inode, offset, length, signal);
    return bytes instanceof Uint8Array ? this.#count(bytes) : bytes.then((late) => this.#count(late));
  }

  *filesOf(layer: number): Generator<number> {
    const { tree } = this;
    for (let inode = 1; inode <= tree.inodeCount; inode++)
      if (tree.layerOf(inode) === layer && tree.kind(inode) === 'file') yield inode;
  }

  #count(bytes: Uint8Array): Uint8Array {
    this.bytesServed += bytes.length;
    return bytes;
  }
}
