import { hashName, slotOf } from '../name-hash.js';
import { joinPath } from '../resolve-path.js';
import type { SelectedPaths } from './selected-paths.js';
import { NONE, type UsageColumns } from './usage-columns.js';

const FIRST_SLOTS = 64;

export interface HiddenPlacesOptions {
  selected: SelectedPaths;
  depth: number; // names below a start that have rows of their own
  files: boolean; // rows of files too
}

/** What is known of the directories on the way to the last path. */
interface Step {
  name: Uint8Array;
  node: number; // NONE: no start is at or above
  depth: number; // names below the start
  position: unknown; // of the selection; it counts above starts only
}

/**
 * Finds the node of each hidden path, and makes it if it is missing. The paths of a directory
 * usually come one after the other, so only names that differ from the last path are looked up.
 */
export class HiddenPlaces {
  readonly #steps: Step[]; // from the root
  readonly #starts = new Map<string, number>(); // by path, a character for each byte
  #slots = new Int32Array(FIRST_SLOTS).fill(NONE); // first node of each
  #next = new Int32Array(FIRST_SLOTS); // by node: the next one of its slot
  #hashes = new Uint32Array(FIRST_SLOTS); // by node

  constructor(
    private readonly columns: UsageColumns,
    private readonly options: HiddenPlacesOptions,
  ) {
    const position = options.selected.start;
    const root = { name: new Uint8Array(0), node: NONE, depth: 0, position };
    this.#steps = [this.#started(root, [], true)];
  }

  /** @returns the node that counts a path; NONE if no start is at or above it */
  nodeAt(names: readonly Uint8Array[], isDirectory: boolean): number {
    const steps = this.#steps;
    let known = 0;
    // The same views come again for the same directory.
    while (known < names.length - 1 && known + 1 < steps.length && steps[known + 1]!.name === names[known])
      known++;
    steps.length = known + 1;
    for (let at = known; at < names.length - 1; at++) steps.push(this.#after(names, at, true));
    if (names.length === 0) return steps[0]!.node;
    return this.#after(names, names.length - 1, isDirectory).node;
  }

  /** @returns the step for `names[at]` behind the last one */
  #after(names: readonly Uint8Array[], at: number, isDirectory: boolean): Step {
    const before = this.#steps[at]!;
    const name = names[at]!;
    if (before.node === NONE) {
      const position = this.options.selected.after(before.position, name);
      return this.#started({ name, node: NONE, depth: 0, position }, names.slice(0, at + 1), isDirectory);
    }
    const depth = before.depth + 1;
    const hasRow = depth <= this.options.depth && (isDirectory || this.options.files);
    const node = hasRow ? this.#child(before.node, name) : before.node;
    return { name, node, depth, position: before.position };
  }

  /** The step as a start, if it is asked for. */
  #started(step: Step, names: readonly Uint8Array[], isDirectory: boolean): Step {
    if (!this.options.selected.isMatch(step.position, isDirectory)) return step;
    const path = joinPath(names).toString('latin1');
    const node = this.#starts.get(path) ?? this.columns.addStart(names.map((name) => name.slice()));
    this.#starts.set(path, node);
    return { ...step, node };
  }

  /** Returns the node of a name below another node. */
  #child(parent: number, name: Uint8Array): number {
    const { columns } = this;
    const hash = hashName(name, 0, name.length);
    for (let node = this.#slots[this.#slotOf(parent, hash)]!; node !== NONE; node = this.#next[node]!) {
      if (columns.parentOf(node) === parent && Buffer.compare(columns.nameOf(node), name) === 0) return node;
    }
    const made = columns.addNode(parent, name);
    if (made >= this.#next.length) this.#grow(made);
    this.#hashes[made] = hash;
    this.#chain(made);
    return made;
  }

  #chain(node: number): void {
    const slot = this.#slotOf(this.columns.parentOf(node), this.#hashes[node]!);
    this.#next[node] = this.#slots[slot]!;
    this.#slots[slot] = node;
  }

  #slotOf(parent: number, hash: number): number {
    return slotOf(parent, hash, this.#slots.length - 1);
  }

  /** As many slots as nodes keep the chains short. */
  #grow(nodeCount: number): void {
    const capacity = nodeCount * 2;
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#next = new Int32Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity))).fill(NONE);
    for (let node = 0; node < nodeCount; node++) {
      if (this.columns.parentOf(node) !== NONE) this.#chain(node);
    }
  }
}
