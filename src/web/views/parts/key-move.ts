/** Where a key scrolls a list to, or which way by a page. */
export type KeyMove = 'first' | 'last' | 'up' | 'down';

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey'>;

/** @returns undefined for keys that are the browser's */
export function keyMove({ key, ctrlKey, altKey, metaKey, shiftKey }: Key): KeyMove | undefined {
  if (altKey || metaKey) return undefined;
  if (key === ' ') return ctrlKey ? undefined : shiftKey ? 'up' : 'down';
  if (shiftKey) return undefined; // it selects text
  if (key === 'Home') return 'first';
  if (key === 'End') return 'last';
  if (ctrlKey) return undefined; // Ctrl+PageDown: another tab
  if (key === 'PageUp') return 'up';
  return key === 'PageDown' ? 'down' : undefined;
}
