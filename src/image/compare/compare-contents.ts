import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareDigests } from './compare-digests.js';
import { ComparedFiles, orFault } from './compared-files.js';
import type { ComparedStart } from './comparison.js';
import type { ContentPairs } from './content-pairs.js';
import { FileComparer } from './file-comparer.js';
import { hashFile } from './hash-file.js';
import { ShuffledLayers } from './shuffled-layers.js';

/** Digests in memory at once: about 100 bytes each with what holds them, 6 MiB. */
const HASHED_AT_ONCE = 65_536;

/** Pairs that are compared before other tasks have a turn. */
const PAIRS_A_TURN = 256;

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
  signal: AbortSignal | undefined,
): Promise<void> {
  if (pairs.length === 0) return;
  const files = new ComparedFiles(pairs, from, to);
  const order = pairs.inDataOrder();
  const isRepeated = (at: number) => {
    const [pair, before] = [order[at]!, order[at - 1]];
    if (before === undefined) return false;
    return pairs.from(pair) === pairs.from(before) && pairs.to(pair) === pairs.to(before);
  };
  const shuffled = new ShuffledLayers(files, pairs, order);
  const comparer = new FileComparer(signal);
  const hashed: number[] = [];
  for (const [at, pair] of order.entries()) {
    if (at % PAIRS_A_TURN === 0) await nextTurn();
    signal?.throwIfAborted();
    if (isRepeated(at)) continue;
    const [one, other] = [files.from(pair), files.to(pair)];
    const known = compareDigests(one, other);
    if (known !== undefined) pairs.setAnswer(pair, known);
    else if (shuffled.has(pair)) hashed.push(pair);
    else pairs.setAnswer(pair, await orFault(() => comparer.compare(one, other), signal));
  }
  for (let at = 0; at < hashed.length; at += HASHED_AT_ONCE) {
    await compareHashes(hashed.slice(at, at + HASHED_AT_ONCE), files, pairs, signal);
  }
  // Hard links are names of one pair.
  for (const [at, pair] of order.entries())
    if (isRepeated(at)) pairs.setAnswer(pair, pairs.answer(order[at - 1]!));
}

/** @param window pairs in the order of the first side's data */
async function compareHashes(
  window: readonly number[],
  files: ComparedFiles,
  pairs: ContentPairs,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digests = new Map<number, string>();
  for (const pair of window) {
    const digest = await orFault(() => hashFile(files.from(pair), signal), signal);
    if (typeof digest === 'string') digests.set(pair, digest);
    else pairs.setAnswer(pair, digest);
  }
  for (const pair of window.toSorted((x, y) => pairs.to(x) - pairs.to(y))) {
    const digest = digests.get(pair);
    if (digest === undefined) continue;
    const other = await orFault(() => hashFile(files.to(pair), signal), signal);
    if (typeof other !== 'string') pairs.setAnswer(pair, other);
    else pairs.setAnswer(pair, digest === other ? 'equal' : 'different');
  }
}
