import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LayerslayerError } from '../../base/errors.js';
import type { ContentAnswer } from '../../overlay/compare/compare-trees.js';
import { compareDigests } from './compare-digests.js';
import { type ComparedFile, ComparedFiles, orFault } from './compared-files.js';
import type { ComparedStart, ContentProgress } from './comparison.js';
import type { ContentPairs } from './content-pairs.js';
import { FileComparer } from './file-comparer.js';
import { hashFile } from './hash-file.js';
import { ShuffledLayers } from './shuffled-layers.js';

/** Digests in memory at once: about 100 bytes each with what holds them, 6 MiB. */
const HASHED_AT_ONCE = 65_536;

/** Pairs that are compared before other tasks have a turn. */
const PAIRS_A_TURN = 256;

/** Time between two reports of progress. */
const REPORT_MS = 200;

export interface CompareContentsOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ContentProgress | undefined;
}

/**
 * Compares the contents of pairs, and sets their answers. Each layer is read forward: bytes are
 * decompressed once.
 *
 * Most pairs are compared byte by byte, which stops at the first difference. That reads both layers
 * forward if they have their files in the same order, as two builds of one thing do. Where the
 * order is another one, the files of each side are hashed in the order of its own data.
 * @throws LayerslayerError the signal's reason
 */
export async function compareContents(
  pairs: ContentPairs,
  from: ComparedStart,
  to: ComparedStart,
  options: CompareContentsOptions = {},
): Promise<void> {
  if (pairs.length > 0) await new ContentComparison(pairs, from, to, options).run();
}

class ContentComparison {
  readonly #files: ComparedFiles;
  #done = 0; // pairs
  #reportedMs = performance.now();

  constructor(
    private readonly pairs: ContentPairs,
    from: ComparedStart,
    to: ComparedStart,
    private readonly options: CompareContentsOptions,
  ) {
    this.#files = new ComparedFiles(pairs, from, to);
  }

  async run(): Promise<void> {
    const { pairs } = this;
    const files = this.#files;
    const { signal } = this.options;
    const order = pairs.inDataOrder();
    const shuffled = new ShuffledLayers(files, pairs, order);
    const comparer = new FileComparer(signal);
    const hashed: number[] = [];
    for (const [at, pair] of order.entries()) {
      if (at % PAIRS_A_TURN === 0) await nextTurn();
      signal?.throwIfAborted();
      if (this.#isRepeated(pair, order[at - 1])) continue;
      const [one, other] = [files.from(pair), files.to(pair)];
      const known = compareDigests(one, other);
      if (known === undefined && shuffled.has(pair)) hashed.push(pair);
      else this.#answer(pair, known ?? (await orFault(() => comparer.compare(one, other), signal)));
    }
    for (let at = 0; at < hashed.length; at += HASHED_AT_ONCE) {
      await this.#compareHashes(hashed.slice(at, at + HASHED_AT_ONCE));
    }
    for (const [at, pair] of order.entries())
      if (this.#isRepeated(pair, order[at - 1])) pairs.setAnswer(pair, pairs.answer(order[at - 1]!));
  }

  /** Returns whether a pair is another name of the one before it: hard links. */
  #isRepeated(pair: number, before: number | undefined): boolean {
    if (before === undefined) return false;
    const { pairs } = this;
    return pairs.from(pair) === pairs.from(before) && pairs.to(pair) === pairs.to(before);
  }

  /** @param window pairs in the order of the first side's data */
  async #compareHashes(window: readonly number[]): Promise<void> {
    const { pairs } = this;
    const digests = new Map<number, string>();
    for (const pair of window) {
      const digest = await this.#hash(this.#files.from(pair));
      if (typeof digest === 'string') digests.set(pair, digest);
      else this.#answer(pair, digest);
    }
    for (const pair of window.toSorted((x, y) => pairs.to(x) - pairs.to(y))) {
      const digest = digests.get(pair);
      if (digest === undefined) continue;
      const other = await this.#hash(this.#files.to(pair));
      if (typeof other !== 'string') this.#answer(pair, other);
      else this.#answer(pair, digest === other ? 'equal' : 'different');
    }
  }

  #hash(file: ComparedFile): Promise<string | LayerslayerError> {
    const { signal } = this.options;
    return orFault(() => hashFile(file, signal), signal);
  }

  #answer(pair: number, answer: ContentAnswer): void {
    this.pairs.setAnswer(pair, answer);
    this.#done++;
    const now = performance.now();
    if (now - this.#reportedMs < REPORT_MS) return;
    this.#reportedMs = now;
    this.options.onProgress?.(this.#done, this.pairs.length);
  }
}
