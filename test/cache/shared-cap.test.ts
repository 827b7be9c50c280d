import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { pageKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { Child } from './child.js';
import { cleanUp, IS_ROOT, scratchDirectory, scratchTmpfs, warningLog } from './scratch.js';

const MIB = 1024 * 1024;
const PAGE = 256 * 1024;

afterEach(cleanUp);

describe('several processes under one cap', () => {
  // A tmpfs of the cap's size proves it: it refuses the first byte beyond the cap, at any moment.
  test.runIf(IS_ROOT).each([4 * MIB, 12 * MIB])(
    'never exceed it, not even for a moment (%d bytes)',
    async (cap) => {
      const directory = join(scratchTmpfs(cap), 'cache');
      const writers = [1, 2, 3, 4].map(
        (layer) => new Child('write-pages.mjs', [directory, `${cap}`, `${layer}`, '120']),
      );
      const said = await Promise.all(writers.map((writer) => writer.line()));
      // No warning: no writer hit the limit. The number of dropped pages depends on chance: the
      // others held the rest of a small cap.
      const kept = said.map((line) => Number(/^kept (\d+)$/.exec(line ?? '')?.[1]));
      expect(kept).toEqual([0, 0, 0, 0].map(() => expect.any(Number)));
      expect(kept.reduce((sum, one) => sum + one)).toBeGreaterThan(0); // NaN, after a warning, is not
      expect(await Promise.all(writers.map((writer) => writer.end()))).toEqual([0, 0, 0, 0]);
    },
  );

  test('the reserve of a killed writer is dropped', async () => {
    const cap = 3 * MIB;
    const directory = scratchDirectory();
    const writer = new Child('write-pages.mjs', [directory, `${cap}`, '1', '4', 'hang']);
    expect(await writer.line()).toBe('kept 4');
    const reserves = () => Object.keys(JSON.parse(readFileSync(join(directory, 'v2/ledger'), 'utf8')).grants);
    const [dead] = reserves();
    await writer.kill();
    const store = await ContentStore.open({ directory, capBytes: cap, log: warningLog() });
    for (let n = 0; n < 30; n++) {
      expect(await store.write('page', pageKey('sha256:2', n), Buffer.alloc(PAGE))).toBe(true);
    }
    expect(reserves()).not.toContain(dead);
    await store.close();
    expect(reserves()).toEqual([]);
  });
});
