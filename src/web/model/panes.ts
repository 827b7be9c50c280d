import { signal } from '@preact/signals';

/** The three panes of the page. Narrow screens show one at a time. */
export type Pane = 'layers' | 'main' | 'file';

const PANES: readonly Pane[] = ['layers', 'main', 'file'];

/** The pane that a narrow screen shows. Each entry of the browser's history has its own. */
export const pane = signal<Pane>(paneOf(history.state) ?? 'main');

/** Whether the pane was chosen. Else the entry that the URL names decides, when it is known. */
let isChosen = paneOf(history.state) !== undefined;

/** Shows a pane, now and when the user comes back to this entry of the history. */
export function showPane(name: Pane): void {
  isChosen = true;
  if (pane.value === name && paneOf(history.state) === name) return;
  pane.value = name;
  history.replaceState(paneState(), '');
}

/** Shows the pane of another entry of the history. @param state of that entry */
export function restorePane(state: unknown): void {
  isChosen = paneOf(state) !== undefined;
  pane.value = paneOf(state) ?? 'main';
}

/** Shows what the URL names to a user who followed a link from elsewhere. */
export function arriveAt({ isDirectory }: { isDirectory: boolean }): void {
  if (!isChosen) showPane(isDirectory ? 'main' : 'file');
}

/** Returns the state of an entry of the history. */
export function paneState(): object {
  return { pane: pane.peek() };
}

function paneOf(state: unknown): Pane | undefined {
  return PANES.find((one) => one === (state as { pane?: unknown } | null)?.pane);
}
