import { isMore, type Row, type TreeNode } from './tree.js';

/** How long typed letters belong to one name. */
const TYPING_MS = 800;

/** What a key does in a tree. (WAI-ARIA Authoring Practices, tree view) */
export type TreeAction =
  | { kind: 'move'; to: number } // a row
  | { kind: 'expand' | 'collapse' | 'open' };

export interface KeyContext {
  rows: readonly Row[];
  active: number; // row; -1: none
  pageRows: number; // rows that fit
  isExpandable: (node: TreeNode) => boolean;
}

/** Letters that were typed until now. */
export class Typing {
  #text = '';
  #atMs = Number.NEGATIVE_INFINITY;

  /** @returns what was typed, with this letter */
  add(letter: string, nowMs: number): string {
    if (nowMs - this.#atMs > TYPING_MS) this.#text = '';
    this.#atMs = nowMs;
    this.#text += letter.toLowerCase();
    return this.#text;
  }

  /** Another key ends the name. */
  end(): void {
    this.#text = '';
  }

  /** Whether a space belongs to a name that is being typed. */
  isUnderWay(nowMs: number): boolean {
    return this.#text !== '' && nowMs - this.#atMs <= TYPING_MS;
  }
}

/** Returns what a key does; undefined: nothing. */
export function keyAction(
  key: string,
  { rows, active, pageRows, isExpandable }: KeyContext,
): TreeAction | undefined {
  const row = rows[active];
  const node = row && !isMore(row) ? row : undefined;
  const move = (to: number): TreeAction => ({ kind: 'move', to: Math.max(0, Math.min(rows.length - 1, to)) });
  switch (key) {
    case 'ArrowDown':
      return move(active + 1);
    case 'ArrowUp':
      return move(active - 1);
    case 'PageDown':
      return move(active + pageRows);
    case 'PageUp':
      return move(active - pageRows);
    case 'Home':
      return move(0);
    case 'End':
      return move(rows.length - 1);
    case 'ArrowRight':
      if (!node || !isExpandable(node)) return undefined;
      return node.isExpanded ? move(active + 1) : { kind: 'expand' };
    case 'ArrowLeft':
      if (node?.isExpanded) return { kind: 'collapse' };
      return node?.parent && move(rows.indexOf(node.parent));
    case 'Enter':
      return node && { kind: 'open' };
    default:
      return undefined;
  }
}

/**
 * Returns the row that typed letters lead to; -1: none. One letter, typed once
 * or several times, leads to the next name that begins with it.
 */
export function typedRow(rows: readonly Row[], active: number, typed: string): number {
  const isRepeated = [...typed].every((letter) => letter === typed[0]);
  const prefix = isRepeated ? typed[0]! : typed;
  const first = Math.max(0, isRepeated ? active + 1 : active);
  for (let i = 0; i < rows.length; i++) {
    const at = (first + i) % rows.length;
    const row = rows[at]!;
    if (!isMore(row) && row.name.toLowerCase().startsWith(prefix)) return at;
  }
  return -1;
}
