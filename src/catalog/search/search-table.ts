import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EntryTable, NameTable } from '../../index/entry-table.js';
import { RowSearch } from '../../overlay/names/row-search.js';
import { hasConditions, isWanted, mayBeImplied } from './entry-filter.js';
import type { EntryQuery, PathMatcher } from './entry-query.js';
import { LayerPaths } from './layer-paths.js';

/** What may match a query in one layer, by its own entries. */
export interface Candidates {
  rows: readonly number[]; // ascending
  /** Directories of `LayerPaths` that no row names. */
  implied: readonly number[];
}

/** Time without a turn of the event loop. Ctrl-C is seen then. */
const TURN_MS = 50;
/** Rows between two readings of the clock. */
const ROWS_AT_ONCE = 1024;

/** The entries of one layer, as a search needs them: each part is made when it is first used. */
export class SearchTable {
  #entries: EntryTable | undefined;
  #paths: LayerPaths | undefined;
  #found: { query: EntryQuery; candidates: Candidates } | undefined;

  /**
   * @param namesSize bytes in memory
   * @param decode returns all columns
   */
  constructor(
    readonly names: NameTable,
    private readonly namesSize: number,
    private readonly decode: () => EntryTable,
  ) {}

  /** Bytes in memory. */
  get size(): number {
    return this.namesSize + (this.#paths?.size ?? 0);
  }

  /** @throws LayerslayerError CORRUPT_LAYER */
  entries(): EntryTable {
    this.#entries ??= this.decode();
    return this.#entries;
  }

  paths(): LayerPaths {
    this.#paths ??= new LayerPaths(this.names);
    return this.#paths;
  }

  /**
   * Returns what the query may match in this layer. A hard link has the attributes of what it
   * leads to, which is not looked up here.
   * @throws LayerslayerError CORRUPT_LAYER; the signal's reason
   */
  async candidates(query: EntryQuery, signal?: AbortSignal): Promise<Candidates> {
    if (this.#found?.query === query) return this.#found.candidates;
    const { matcher, filter } = query;
    const { names } = this;
    const paths = this.paths();
    const entries = hasConditions(filter) ? this.entries() : undefined;
    const isMatch = matcher.within(names.pathHeap);
    const rows: number[] = [];
    let turnMs = performance.now();
    let seen = 0;
    for (const row of this.#likelyRows(matcher)) {
      const kind = names.kind(row);
      // The cheaper condition first.
      const isPossible = !entries || kind === 'hardlink' || isWanted(filter, entries, row);
      if (isPossible && isMatch(paths.startOf(row), paths.endOf(row), kind === 'dir')) rows.push(row);
      if (++seen % ROWS_AT_ONCE > 0 || performance.now() - turnMs < TURN_MS) continue;
      await nextTurn();
      signal?.throwIfAborted();
      turnMs = performance.now();
    }
    const implied = mayBeImplied(filter)
      ? paths.implied.filter((one) => matcher.matches(paths.directoryPath(one), true))
      : [];
    const candidates = { rows, implied };
    this.#found = { query, candidates };
    return candidates;
  }

  /** Yields rows ascending, each once: all that have a literal of the matcher. */
  #likelyRows({ literals, ignoresCase }: PathMatcher): Iterable<number> {
    const { names } = this;
    const search = new RowSearch(ignoresCase && literals ? inLowerCase(names) : names);
    if (literals === undefined) return search.rowsWith(new Uint8Array(0));
    if (literals.length === 1) return search.rowsWith(literals[0]!);
    const rows = new Set<number>();
    for (const literal of literals) for (const row of search.rowsWith(literal)) rows.add(row);
    return [...rows].sort((a, b) => a - b);
  }
}

/**
 * Returns the table with paths in lower case. The native change of latin1 also changes bytes that
 * are no letters of ASCII, but none into one: literals have only those.
 */
function inLowerCase(names: NameTable): NameTable {
  const { pathHeap } = names;
  const text = Buffer.from(pathHeap.buffer, pathHeap.byteOffset, pathHeap.length).toString('latin1');
  return {
    length: names.length,
    pathHeap: Buffer.from(text.toLowerCase(), 'latin1'),
    kind: (row) => names.kind(row),
    pathStart: (row) => names.pathStart(row),
    pathEnd: (row) => names.pathEnd(row),
    linkTarget: (row) => names.linkTarget(row),
  };
}
