import { shownName } from '../base/text/quote-name.js';
import type { TarEntry } from '../tar/entry.js';
import type { EntryTable } from './entry-table.js';
import type { IndexOrigin } from './index-origin.js';
import type { LayerIndex } from './layer-index.js';
import type { CheckpointColumns } from './states/checkpoints.js';

/** An entry as it is compared: of a scan, or a row of an index. */
export type ComparedEntry = Omit<TarEntry, 'sparse' | 'storedSize'>;

/** Files that converters add to the root of a layer. The merged tree does not show them. */
const CONVERTER_FILES: ReadonlySet<string> = new Set([
  'stargz.index.json',
  '.prefetch.landmark',
  '.no.prefetch.landmark',
]);

/** Characters that stand for bytes that are not UTF-8. JSON loses how many there were. */
const REPLACED = /\ufffd+/g;

/** A table keeps seconds only, rounded to the nearest one (half up) or down. */
const NANOSECONDS = 1_000_000_000;

/**
 * Compares an index of another origin with that of our own pass. Both have the entries in the
 * order of the tar.
 * @returns the first difference that a mount would show; undefined if they agree
 */
export function differenceOf(own: LayerIndex, other: LayerIndex, origin?: IndexOrigin): string | undefined {
  const comparison = new EntryComparison(other, origin);
  for (let row = 0; row < own.entries.length && !comparison.difference; row++)
    comparison.next(entryOf(own.entries, row));
  const found = comparison.end() ?? readingDifference(own, other);
  if (found !== undefined || other.verification.kind !== 'blocks') return found;
  return checkpointDifference(own.checkpoints, other.checkpoints);
}

/** Compares all but entries and checkpoints. */
export function readingDifference(own: LayerIndex, other: LayerIndex): string | undefined {
  if (other.blobSize !== own.blobSize)
    return `it says ${other.blobSize} bytes, the layer has ${own.blobSize}`;
  if (other.codec !== own.codec) return `it says ${other.codec}, the layer is ${own.codec}`;
  return blockDifference(own, other);
}

/** Compares entries one by one with those of an index of another origin. */
export class EntryComparison {
  /** The first one, until now. */
  difference: string | undefined;
  readonly #entries: EntryTable;
  readonly #isTable: boolean;
  readonly #losesNames: boolean;
  #row = 0; // of the next entry

  constructor({ entries, verification }: LayerIndex, origin?: IndexOrigin) {
    this.#entries = entries;
    this.#isTable = verification.kind !== 'blocks';
    this.#losesNames = origin?.kind === 'table' && !origin.isExact;
  }

  /**
   * Takes the next entry of the layer.
   * @returns its row in the other index; undefined if that has none
   */
  next(own: ComparedEntry): number | undefined {
    if (this.difference !== undefined || this.#isSkipped(own.path)) return undefined;
    const row = this.#nextRow();
    if (row === undefined) {
      this.difference = `${nameOf(own)} is missing in it`;
      return undefined;
    }
    this.#row = row + 1;
    const what = this.#firstDifference(own, entryOf(this.#entries, row));
    if (what !== undefined) this.difference = `${what} of ${nameOf(own)}`;
    return row;
  }

  /** Returns the first difference, when the layer has no more entries. */
  end(): string | undefined {
    const row = this.difference === undefined ? this.#nextRow() : undefined;
    if (row !== undefined) this.difference = `${nameOf(entryOf(this.#entries, row))} is not in the layer`;
    return this.difference;
  }

  #nextRow(): number | undefined {
    for (let row = this.#row; row < this.#entries.length; row++)
      if (!this.#isSkipped(pathOf(this.#entries, row))) return row;
    return undefined;
  }

  #isSkipped(path: Uint8Array): boolean {
    return this.#isTable && CONVERTER_FILES.has(cleaned(path));
  }

  #firstDifference(own: ComparedEntry, other: ComparedEntry): string | undefined {
    if (!this.#isSameName(own.path, other.path)) return 'the name';
    if (own.kind !== other.kind) return 'the kind';
    if (!this.#isTable && own.dataOffset !== other.dataOffset) return 'the position';
    const isLink = own.kind === 'symlink' || own.kind === 'hardlink';
    if (isLink && !this.#isSameLink(own, other)) return 'the link target';
    if (own.kind === 'hardlink') return undefined; // its attributes are those of its target
    if (own.kind === 'file' && own.size !== other.size) return 'the size';
    for (const key of ['mode', 'uid', 'gid', 'deviceMajor', 'deviceMinor'] as const)
      if (own[key] !== other[key]) return `the ${key}`;
    if (!this.#isSameTime(own, other)) return 'the time';
    return sameXattrs(own, other) ? undefined : 'the xattrs';
  }

  #isSameLink(own: ComparedEntry, other: ComparedEntry): boolean {
    if (Buffer.compare(own.linkTarget, other.linkTarget) === 0) return true;
    // Targets of symlinks are text for the reader: nothing may clean them.
    if (own.kind === 'hardlink') return this.#isSameName(own.linkTarget, other.linkTarget);
    return this.#losesNames && asText(own.linkTarget) === asText(other.linkTarget);
  }

  #isSameName(own: Uint8Array, other: Uint8Array): boolean {
    if (Buffer.compare(own, other) === 0) return true;
    const [ours, theirs] = [cleaned(own), cleaned(other)];
    return ours === theirs || (this.#losesNames && asText(latin1(ours)) === asText(latin1(theirs)));
  }

  #isSameTime(own: ComparedEntry, other: ComparedEntry): boolean {
    const { mtimeSeconds: seconds, mtimeNanoseconds: nanoseconds } = own;
    if (seconds === other.mtimeSeconds && nanoseconds === other.mtimeNanoseconds) return true;
    if (!this.#isTable || other.mtimeNanoseconds !== 0) return false;
    const roundedUp = nanoseconds * 2 >= NANOSECONDS ? seconds + 1 : seconds;
    return other.mtimeSeconds === seconds || other.mtimeSeconds === roundedUp;
  }
}

/** Compares indexes that both verify compressed blocks. */
function blockDifference(own: LayerIndex, other: LayerIndex): string | undefined {
  if (own.verification.kind !== 'blocks' || other.verification.kind !== 'blocks') return undefined;
  if (Buffer.compare(own.verification.digests, other.verification.digests) !== 0)
    return 'the digests of its blocks';
  if (own.tarSize !== other.tarSize) return 'the size of the tar';
  for (const [row, { storedSize, segments }] of own.entries.columns.sparse) {
    const map = other.entries.columns.sparse.get(row);
    if (map?.storedSize !== storedSize || !segments.every((value, i) => value === map.segments[i]))
      return `the holes of ${nameOf(entryOf(own.entries, row))}`;
  }
  if (own.entries.columns.sparse.size !== other.entries.columns.sparse.size)
    return 'the number of sparse files';
  return undefined;
}

/** Compares checkpoints at the same offsets. Another version of the pass may have others. */
function checkpointDifference(own: CheckpointColumns, other: CheckpointColumns): string | undefined {
  const byOffset = new Map(Array.from(own.outOffsets, (offset, i) => [offset, i]));
  for (let i = 0; i < other.length; i++) {
    const ours = byOffset.get(other.outOffsets[i]!);
    if (ours === undefined) continue;
    if (own.inOffsets[ours] !== other.inOffsets[i]) return `checkpoint ${i}`;
    if (own.length !== other.length) continue; // a state may hold until another checkpoint
    if (own.stateCrcs[ours] !== other.stateCrcs[i]) return `the state of checkpoint ${i}`;
  }
  return undefined;
}

/** Returns a row as an entry. Its bytes are views. */
export function entryOf(entries: EntryTable, row: number): ComparedEntry {
  return {
    kind: entries.kind(row),
    path: pathOf(entries, row),
    linkTarget: entries.linkTarget(row),
    mode: entries.mode(row),
    uid: entries.uid(row),
    gid: entries.gid(row),
    size: entries.size(row),
    mtimeSeconds: entries.mtimeSeconds(row),
    mtimeNanoseconds: entries.mtimeNanoseconds(row),
    deviceMajor: entries.deviceMajor(row),
    deviceMinor: entries.deviceMinor(row),
    xattrs: entries.xattrs(row) as TarEntry['xattrs'],
    dataOffset: entries.dataOffset(row),
  };
}

function pathOf(entries: EntryTable, row: number): Uint8Array {
  return entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row));
}

/** JSON has them sorted, the tar as they were archived. */
function sameXattrs({ xattrs: own }: ComparedEntry, { xattrs: other }: ComparedEntry): boolean {
  if (own.length !== other.length) return false;
  const sorted = (list: ComparedEntry['xattrs']) =>
    list.map(({ name, value }) => Buffer.concat([name, Buffer.of(0), value])).sort(Buffer.compare);
  const others = sorted(other);
  return sorted(own).every((bytes, i) => bytes.equals(others[i]!));
}

/** Returns the path as the merge sees it (rule O6), a character a byte. */
function cleaned(path: Uint8Array): string {
  const names: string[] = [];
  for (const name of Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1').split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

/** As a table in JSON has it. */
function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString().replace(REPLACED, '\ufffd');
}

function nameOf({ path }: ComparedEntry): string {
  return shownName(path);
}
