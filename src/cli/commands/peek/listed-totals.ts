import type { ListedEntry } from '../../../image/records/entry-record.js';
import { countText, formatSize } from '../../terminal/wording/size.js';

/** What a listing has shown: entries, bytes of files, and from which layers. */
export class ListedTotals {
  #entries = 0;
  #bytes = 0;
  #layers = new Set<number>();
  readonly #incomplete = new Set<number>();

  /** @param isCounted the file was listed by another name: its bytes count once */
  add({ kind, size }: ListedEntry, layer: number, isCounted: boolean): void {
    this.#entries++;
    if (kind === 'file' && !isCounted) this.#bytes += size;
    this.#layers.add(layer);
  }

  /** Not all of a layer was listed. */
  incomplete(layer: number): void {
    this.#incomplete.add(layer);
  }

  /** Returns a function that forgets what was added since. */
  savepoint(): () => void {
    const [entries, bytes, layers] = [this.#entries, this.#bytes, new Set(this.#layers)];
    return () => {
      this.#entries = entries;
      this.#bytes = bytes;
      this.#layers = new Set(layers);
    };
  }

  /**
   * Returns `11695 entries, 182.3 MiB in 8 layers`, and which layers are not listed whole;
   * undefined if nothing was listed.
   */
  line(): string | undefined {
    if (this.#entries === 0) return undefined;
    const entries = countText(this.#entries, 'entry', 'entries');
    const sums = `${entries}, ${formatSize(this.#bytes)} in ${countText(this.#layers.size, 'layer')}`;
    const missing = [...this.#incomplete].sort((a, b) => a - b);
    if (missing.length === 0) return sums;
    const which = missing.length === 1 ? `layer ${missing[0]} is` : `layers ${missing.join(', ')} are`;
    return `${sums}; ${which} not listed whole`;
  }
}
