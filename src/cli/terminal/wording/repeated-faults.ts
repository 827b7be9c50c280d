import type { LayerslayerError } from '../../../base/errors.js';

/** Lines of one kind: the first ones say what is wrong. */
const LINES_MAX = 10;
/** Kinds that are told apart: the names of a hostile image could make a kind of each fault. */
const KINDS_MAX = 20;

/** Counts faults of many files, of which people see the first ones of each kind. */
export class RepeatedFaults {
  readonly #counts = new Map<string, number>(); // by kind

  /** @returns whether the fault is to be shown */
  takes({ code, message }: LayerslayerError): boolean {
    let kind = kindOf(code, message);
    if (!this.#counts.has(kind) && this.#counts.size >= KINDS_MAX) kind = code;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count <= LINES_MAX;
  }

  /** Returns a line for each kind with faults that were not shown. */
  rest(): string[] {
    const lines: string[] = [];
    for (const [kind, count] of this.#counts)
      if (count > LINES_MAX) lines.push(`${count - LINES_MAX} more: ${kind}`);
    return lines;
  }
}

/** The message behind the path of a file, whose last name is taken to have no space. */
function kindOf(code: string, message: string): string {
  return message.replace(/^.*\/\S*/s, '').trim() || code;
}
