import { LayerslayerError } from '../../base/errors.js';
import type { LayerScanEnd } from '../../engine/image-session.js';
import { cleanNames } from '../../image/paths/asked-path.js';
import {
  type EntryPlace,
  type ListedEntry,
  listedEntry,
  placedRecord,
} from '../../image/records/entry-record.js';
import type { EntryTable } from '../../index/entry-table.js';
import { joinPath, splitPath } from '../../overlay/resolve-path.js';
import type { ImageLease } from '../images/served-images.js';

/** Records that wait for the reader before the pass waits too. */
const WAITING_MAX = 2_000;

/**
 * How long a pass waits for its reader, in all. Only a few passes run at once: a slow reader must
 * not keep others from theirs.
 */
const PATIENCE_MS = 5_000;

/** Names of markers, and of what lies below their names, are not shown. (image-spec, layer.md) */
const MARKER = /^\.wh\./;

export interface LayerStreamOptions {
  lease: ImageLease;
  layer: number; // from 1
  path: Uint8Array; // what is listed is below it; symlinks are not followed
  depth: number;
  signal: AbortSignal;
  patienceMs?: number; // default: PATIENCE_MS
}

/**
 * Yields the entries of a layer that has no index yet, as its pass finds them: in the order of the
 * archive, and before its digest was checked. Afterwards the layer has an index: a slow reader gets
 * the last entries from there.
 * @throws LayerslayerError NOT_FOUND if nothing is there; as `OpenedImage.scanLayer`; the signal's
 *   reason
 */
export async function* layerStream(options: LayerStreamOptions): AsyncGenerator<object, void, undefined> {
  const { lease, layer, signal, patienceMs = PATIENCE_MS } = options;
  const ended = new AbortController();
  const ends = AbortSignal.any([signal, ended.signal]);
  const waiting = new WaitingRecords(new PathFilter(options), patienceMs);
  const scan = lease.inTurn(
    () =>
      lease.opened.scanLayer(
        layer,
        {
          onEntry(entry, row) {
            waiting.add(entry, row);
            return false;
          },
          onRestart: () => waiting.restart(),
          settled: () => waiting.drained(),
        },
        {
          signal: ends,
          onProgress: (progress) =>
            lease.report(layer, { kind: 'progress', progress: { layers: [progress], isQueued: false } }),
        },
      ),
    signal,
  );
  scan.then(
    (end) => {
      lease.report(layer, 'layer' in end ? { kind: 'indexed', layers: [end.layer] } : { kind: 'stopped' });
      waiting.end(end);
    },
    (error) => {
      lease.report(layer, ends.aborted ? { kind: 'stopped' } : { kind: 'failed', error });
      waiting.fail(error);
    },
  );
  try {
    yield* waiting.records();
  } finally {
    ended.abort(new LayerslayerError('ABORTED', 'the client went away'));
    waiting.release();
  }
}

/** Which entries are listed, and what of them. */
class PathFilter {
  readonly #above: Buffer; // with a slash at its end
  readonly #depth: number;
  readonly #place: EntryPlace;
  readonly #isRoot: boolean;

  constructor({ lease, layer, path, depth }: LayerStreamOptions) {
    const names = cleanNames(splitPath(path));
    this.#isRoot = names.length === 0;
    this.#above = this.#isRoot ? Buffer.from('/') : Buffer.concat([joinPath(names), Buffer.from('/')]);
    this.#depth = names.length + depth;
    this.#place = { layer, layerDigest: digestOf(lease, layer) };
  }

  /** @returns undefined if the entry is not listed */
  record(entry: ListedEntry, path: Uint8Array): object | undefined {
    const names = cleanNames(splitPath(path));
    if (names.length === 0 || names.length > this.#depth) return undefined;
    const absolute = joinPath(names);
    if (absolute.length <= this.#above.length) return undefined;
    if (!absolute.subarray(0, this.#above.length).equals(this.#above)) return undefined;
    if (names.some((name) => MARKER.test(Buffer.from(name).toString('latin1')))) return undefined;
    return { ...placedRecord(entry, absolute, this.#place), ...sizeOf(entry) };
  }

  /** @throws LayerslayerError NOT_FOUND unless something was listed, or nothing need be there */
  checkFound(count: number): void {
    if (count > 0 || this.#isRoot) return;
    throw new LayerslayerError('NOT_FOUND', 'the layer has nothing below that path');
  }
}

/** A mount shows sizes of files only. */
function sizeOf(entry: ListedEntry): object {
  return entry.kind === 'file' ? {} : { size: 0 };
}

function digestOf({ opened }: ImageLease, layer: number) {
  return opened.resolved.manifest.layers[layer - 1]!.digest;
}

/** Records between the pass and the reader, and which rows of the index the reader gets later. */
class WaitingRecords {
  #records: object[] = [];
  #count = 0;
  #end: { end: LayerScanEnd } | { error: unknown } | undefined;
  #wake: () => void = () => {};
  #onDrain: () => void = () => {};
  #isReleased = false;
  #laterRow: number | undefined; // rows from here on come from the index

  /** @param patienceMs that the pass waits for the reader */
  constructor(
    private readonly filter: PathFilter,
    private patienceMs: number,
  ) {}

  add(entry: ListedEntry & { path: Uint8Array }, row: number): void {
    if (this.#laterRow !== undefined) return;
    const record = this.filter.record(entry, entry.path);
    if (!record) return;
    if (this.patienceMs <= 0 && this.#records.length >= WAITING_MAX) {
      this.#laterRow = row;
      return;
    }
    this.#count++;
    this.#records.push(record);
    this.#wake();
  }

  /** Wrong bytes came. What the reader has can't be taken back. */
  restart(): void {
    if (this.#count === 0) return;
    this.fail(new LayerslayerError('DIGEST_MISMATCH', 'wrong bytes came: ask again'));
    this.#records = [];
  }

  drained(): Promise<void> | undefined {
    if (this.#records.length < WAITING_MAX || this.#isReleased || this.patienceMs <= 0) return undefined;
    const begunMs = performance.now();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#onDrain = () => {};
        this.patienceMs -= performance.now() - begunMs;
        resolve();
      };
      const timer = setTimeout(end, this.patienceMs);
      this.#onDrain = end;
    });
  }

  end(end: LayerScanEnd): void {
    this.#end ??= { end };
    this.#wake();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  release(): void {
    this.#isReleased = true;
    this.#onDrain();
  }

  async *records(): AsyncGenerator<object, void, undefined> {
    for (;;) {
      const records = this.#records;
      this.#records = [];
      this.#onDrain();
      yield* records;
      if (this.#records.length > 0) continue;
      if (this.#end) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if ('error' in this.#end) throw this.#end.error;
    const { end } = this.#end;
    // Another process has made the index meanwhile, or the reader was slow.
    const from = 'layer' in end && !end.isScanned ? 0 : this.#laterRow;
    if ('layer' in end && from !== undefined) yield* this.#rows(end.layer.entries, from);
    this.filter.checkFound(this.#count);
  }

  *#rows(entries: EntryTable, from: number): Generator<object> {
    for (let row = from; row < entries.length; row++) {
      const path = entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row));
      const record = this.filter.record(listedEntry(entries, row), path);
      if (!record) continue;
      this.#count++;
      yield record;
    }
  }
}
