import { signal } from '@preact/signals';
import type { ListedEntryRecord, TreePageRecord } from '../../api/schemas/entry.js';
import { ApiError, getJson } from './api.js';
import { pathOf } from './raw-path.js';

/** A tree of an image: the merged one, or one layer's. */
export interface TreeSource {
  image: string;
  platform: string | undefined;
  layer: number | undefined;
  deleted: boolean | undefined;
  sort: 'name' | 'size' | undefined;
}

export interface TreeNode {
  entry: ListedEntryRecord;
  readonly path: string; // see raw-path.ts
  readonly name: string;
  readonly depth: number; // from 0
  readonly parent: TreeNode | undefined;
  readonly siblings: Listing;
  readonly position: number; // among them, from 0
  isExpanded: boolean;
  listing: Listing | undefined; // of a directory that was expanded
}

/** A directory, as far as its pages are loaded. */
export interface Listing {
  readonly path: string;
  readonly owner: TreeNode | undefined; // undefined: the root
  readonly nodes: TreeNode[];
  readonly shown: Set<string>; // paths of entries that the image shows
  next: string | undefined; // page; undefined: all are loaded, if `isBegun`
  isBegun: boolean;
  pending: Promise<void> | undefined;
  error: ApiError | undefined;
}

/** Stands in the list below the entries of a directory that has more, or could not be read. */
export interface MoreRow {
  readonly more: Listing;
  readonly depth: number;
}

export type Row = TreeNode | MoreRow;

/** Entries of a directory's first page: soon there. */
const FIRST_PAGE = 500;

/** Entries of its other pages: a page of them is parsed in less than a frame. */
const NEXT_PAGE = 2_000;

/** Entries of a page when a name is searched: the most that the server sends. */
const SEARCHED_PAGE = 10_000;

/** Directories that a new tree opens because the one before had them open. */
const RESTORED_MAX = 64;

export function isMore(row: Row): row is MoreRow {
  return 'more' in row;
}

/** The rows of a tree: what is expanded, page by page. */
export class Tree {
  readonly rows = signal<readonly Row[]>([]);
  readonly active = signal<TreeNode | undefined>(undefined);
  /** A path that was to be revealed and is not in this tree. */
  readonly missing = signal<string | undefined>(undefined);
  readonly root: Listing = newListing('/', undefined);
  protected readonly source: TreeSource;
  readonly #restored: Set<string>;
  protected readonly controller = new AbortController();
  #reveals = 0; // the last one wins

  /** @param restored paths of directories that are expanded when they are listed */
  constructor(source: TreeSource, restored: readonly string[] = []) {
    this.source = source;
    this.#restored = new Set(restored.slice(0, RESTORED_MAX));
  }

  get isClosed(): boolean {
    return this.controller.signal.aborted;
  }

  /** Ends the requests of this tree. */
  close(): void {
    this.controller.abort();
  }

  expandedPaths(): string[] {
    return this.rows.value.flatMap((row) => (!isMore(row) && row.isExpanded ? [row.path] : []));
  }

  /** A directory that an upper layer replaced by another directory has its entries there. */
  isExpandable({ entry, siblings, path }: TreeNode): boolean {
    return entry.kind === 'dir' && (entry.state === 'live' || !siblings.shown.has(path));
  }

  /** Shows what is in a directory. Resolves when its first page is there. */
  async expand(node: TreeNode): Promise<void> {
    if (!this.isExpandable(node)) return;
    node.isExpanded = true;
    node.listing ??= newListing(node.path, node);
    this.flatten();
    if (!node.listing.isBegun) await this.load(node.listing);
  }

  collapse(node: TreeNode): void {
    node.isExpanded = false;
    for (let at = this.active.value?.parent; at; at = at.parent) if (at === node) this.active.value = node;
    this.flatten();
  }

  /** Loads the next page of a directory, or the first. Faults are kept in the listing. */
  load(listing: Listing, limit = listing.isBegun ? NEXT_PAGE : FIRST_PAGE): Promise<void> {
    if (listing.isBegun && listing.next === undefined && !listing.error) return Promise.resolve();
    listing.pending ??= this.#load(listing, limit).finally(() => {
      listing.pending = undefined;
    });
    return listing.pending;
  }

  /** Makes a node the active one. */
  select(node: TreeNode): void {
    this.#reveals++;
    this.missing.value = undefined;
    this.active.value = node;
  }

  /** Expands the directories above a path, and makes it the active one. */
  async reveal(path: string): Promise<void> {
    const reveal = ++this.#reveals;
    const names = path.split('/').filter((name) => name !== '');
    let listing = this.root;
    let found: TreeNode | undefined;
    for (const name of names) {
      const node = await this.#find(listing, name);
      if (this.controller.signal.aborted || reveal !== this.#reveals) return;
      if (!node) break;
      found = node;
      if (!this.isExpandable(node)) break;
      void this.expand(node);
      listing = node.listing!;
    }
    const isFound = found?.path === path || names.length === 0;
    this.missing.value = isFound ? undefined : path;
    this.active.value = found;
  }

  async #find(listing: Listing, name: string): Promise<TreeNode | undefined> {
    for (let checked = 0; ; ) {
      const { nodes } = listing;
      let hidden: TreeNode | undefined;
      for (; checked < nodes.length; checked++) {
        const node = nodes[checked]!;
        if (node.name !== name) continue;
        if (node.entry.state === 'live') return node;
        hidden ??= node;
      }
      if (hidden) return hidden;
      if (listing.error || (listing.isBegun && listing.next === undefined)) return undefined;
      await this.load(listing, listing.isBegun ? SEARCHED_PAGE : FIRST_PAGE);
      if (this.controller.signal.aborted) return undefined;
    }
  }

  async #load(listing: Listing, limit: number): Promise<void> {
    const { image, platform, layer, deleted, sort } = this.source;
    const query = { image, platform, layer, deleted, sort: sort === 'size' ? sort : undefined };
    const page = { path: listing.path, depth: 1, limit, after: listing.next };
    const hadError = listing.error !== undefined;
    listing.error = undefined;
    if (hadError) this.flatten();
    try {
      const { signal } = this.controller;
      const { entries, next } = await getJson<TreePageRecord>('tree', { ...query, ...page }, { signal });
      this.#add(listing, entries);
      listing.next = next;
      listing.isBegun = true;
    } catch (error) {
      if (this.controller.signal.aborted) return;
      listing.error = error instanceof ApiError ? error : new ApiError('INTERNAL', String(error), 0);
    }
    this.flatten();
  }

  #add(listing: Listing, entries: readonly ListedEntryRecord[]): void {
    for (const entry of entries) {
      const node = addNode(listing, entry, pathOf(entry));
      if (this.#restored.delete(node.path)) queueMicrotask(() => void this.expand(node));
    }
  }

  /** Updates the rows to what is listed and expanded. */
  protected flatten(): void {
    const rows: Row[] = [];
    const add = ({ nodes, next, isBegun, error, owner }: Listing, listing: Listing) => {
      for (const node of nodes) {
        rows.push(node);
        if (node.isExpanded && node.listing) add(node.listing, node.listing);
      }
      if (next !== undefined || !isBegun || error)
        rows.push({ more: listing, depth: owner ? owner.depth + 1 : 0 });
    };
    add(this.root, this.root);
    this.rows.value = rows;
  }
}

/** Adds an entry to its directory. */
export function addNode(listing: Listing, entry: ListedEntryRecord, path: string): TreeNode {
  const { owner, nodes } = listing;
  const node: TreeNode = {
    entry,
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    depth: owner ? owner.depth + 1 : 0,
    parent: owner,
    siblings: listing,
    position: nodes.length,
    isExpanded: false,
    listing: undefined,
  };
  nodes.push(node);
  if (entry.state === 'live') listing.shown.add(path);
  return node;
}

export function newListing(path: string, owner: TreeNode | undefined): Listing {
  return {
    path,
    owner,
    nodes: [],
    shown: new Set(),
    next: undefined,
    isBegun: false,
    pending: undefined,
    error: undefined,
  };
}
