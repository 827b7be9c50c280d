import { expect, it } from 'vitest';
import { keyMove } from '#src/web/views/parts/key-move.js';

const NO_KEYS = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };

it.each([
  ['Home', {}, 'first'],
  ['End', {}, 'last'],
  ['End', { ctrlKey: true }, 'last'],
  ['PageDown', {}, 'down'],
  ['PageUp', {}, 'up'],
  [' ', {}, 'down'],
  [' ', { shiftKey: true }, 'up'],
  ['PageDown', { ctrlKey: true }, undefined], // another tab of the browser
  ['ArrowDown', {}, undefined],
  ['Home', { altKey: true }, undefined], // the browser's first page
  ['End', { shiftKey: true }, undefined], // selects
  ['a', {}, undefined],
])('%j with %j is %s', (key, pressed, move) => {
  expect(keyMove({ ...NO_KEYS, key, ...pressed })).toBe(move);
});
