import { signal } from '@preact/signals';
import type { ListedEntryRecord } from '../../api/schemas/entry.js';
import { ApiError, getLines } from './api.js';
import { pathOf } from './raw-path.js';
import { addNode, type Listing, newListing, Tree, type TreeNode, type TreeSource } from './tree.js';

/** Entries that are listed. More are only counted: the whole tree comes page by page afterwards. */
const LISTED_MAX = 100_000;

/** Names that the path of a listed entry has. */
const DEPTH_MAX = 100;

/** Milliseconds between two updates of the rows. */
const UPDATE_MS = 150;

/**
 * The tree of one layer while the pass over it finds its entries, in the order of the archive. The
 * entries are not verified before the pass has ended.
 */
export class StreamedTree extends Tree {
  /** Entries that came. */
  readonly count = signal(0);
  readonly #nodes = new Map<string, TreeNode>(); // by path
  #wanted: string | undefined; // a path to reveal when it comes
  #reading: Promise<void> | undefined;

  /** @param onEnd called when all entries came: now the layer has an index */
  constructor(
    source: TreeSource,
    private readonly onEnd: () => void,
  ) {
    super(source);
  }

  /** Reads the stream, again after a fault. Resolves when it has ended. */
  override load(listing: Listing): Promise<void> {
    if (listing !== this.root) return Promise.resolve();
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  override async expand(node: TreeNode): Promise<void> {
    if (!this.isExpandable(node)) return;
    node.isExpanded = true;
    node.listing ??= begunListing(node);
    this.flatten();
  }

  /** Reveals the path as soon as it comes. */
  override async reveal(path: string): Promise<void> {
    this.#wanted = path;
    const node = this.#nodes.get(path);
    if (!node) return;
    for (let at = node.parent; at; at = at.parent) at.isExpanded = true;
    void this.expand(node);
    this.flatten();
    this.select(node);
  }

  override select(node: TreeNode): void {
    this.#wanted = undefined;
    super.select(node);
  }

  async #read(): Promise<void> {
    const { image, platform, layer } = this.source;
    const { signal } = this.controller;
    const { root } = this;
    root.error = undefined;
    root.nodes.length = 0;
    root.shown.clear();
    this.#nodes.clear();
    let count = 0;
    const update = () => {
      this.count.value = count;
      this.flatten();
      if (this.#wanted !== undefined && this.#nodes.has(this.#wanted)) void this.reveal(this.#wanted);
    };
    const timer = setInterval(() => {
      if (count !== this.count.value) update();
    }, UPDATE_MS);
    try {
      const query = { image, platform, layer, depth: DEPTH_MAX };
      for await (const entry of getLines<ListedEntryRecord>('tree', query, { signal })) {
        if (++count <= LISTED_MAX) this.#add(entry);
      }
      update();
      this.onEnd();
    } catch (error) {
      if (signal.aborted) return;
      root.error = error instanceof ApiError ? error : new ApiError('INTERNAL', String(error), 0);
      update();
    } finally {
      clearInterval(timer);
    }
  }

  /** An archive may have a path twice: then the later entry counts. */
  #add(entry: ListedEntryRecord): void {
    const path = pathOf(entry);
    const known = this.#nodes.get(path);
    if (known) known.entry = entry;
    else this.#insert(entry, path);
  }

  #insert(entry: ListedEntryRecord, path: string): TreeNode {
    const node = addNode(this.#listingOf(path.slice(0, path.lastIndexOf('/')), entry), entry, path);
    this.#nodes.set(path, node);
    return node;
  }

  /** Returns the listing of a directory, which may come later in the archive, or never. */
  #listingOf(path: string, below: ListedEntryRecord): Listing {
    if (path === '') return this.root;
    const { layer, state } = below;
    const attributes = {
      kind: 'dir',
      mode: '0755',
      uid: 0,
      gid: 0,
      size: 0,
      mtime: 0,
      implied: true,
    } as const;
    const node = this.#nodes.get(path) ?? this.#insert({ ...attributes, layer, state, path }, path);
    node.listing ??= begunListing(node);
    return node.listing;
  }
}

/** A listing that grows while the stream is read. Only the root shows that more comes. */
function begunListing(node: TreeNode): Listing {
  return { ...newListing(node.path, node), isBegun: true };
}
