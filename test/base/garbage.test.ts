import { cachedDataVersionTag } from 'node:v8';
import { expect, it } from 'vitest';
import { collectYoungGarbage } from '#src/base/garbage.js';

it('leaves V8’s flags as they were, so that later threads can use Node’s code cache', () => {
  const flags = cachedDataVersionTag();
  collectYoungGarbage();
  expect(cachedDataVersionTag()).toBe(flags);
  collectYoungGarbage(); // works without the flag
});
