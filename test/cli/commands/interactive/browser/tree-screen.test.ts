import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Key } from '#src/cli/commands/interactive/browser/terminal/key-decoder.js';
import type { CarveResults } from '#src/cli/commands/interactive/browser/tree-screen/carve-entry.js';
import {
  type BrowsedImage,
  TreeScreen,
} from '#src/cli/commands/interactive/browser/tree-screen/tree-screen.js';
import { dir, file } from '../../../../support/entries.js';
import { browsedTree } from './trees.js';

const size = { columns: 60, rows: 10 };

/** A screen whose image is opened until the signal, and keys for it. */
function start(carveDirectory = '/proc/none/carved') {
  const tree = browsedTree([[dir('etc'), file('etc/passwd', 'root')]]);
  const running = new AbortController();
  let opened = 0;
  const carved: CarveResults[] = [];
  const browsed = {
    image: {
      resolved: { manifest: { layers: [{ size: 1 }] } },
      view: ({ signal }: { signal: AbortSignal }) => {
        opened++;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    },
    view: tree.view,
    tree,
    title: 'x',
    carveDirectory,
    carveDirectoryShown: './carved',
    bytesFetched: () => 0,
    shown: (error: unknown) => error,
    carved: (results: CarveResults) => carved.push(results),
  } as unknown as BrowsedImage;
  const screen = new TreeScreen(browsed);
  const press = async (key: Key) => screen.press(key, { size, signal: running.signal, showBusy: () => {} });
  const footer = () => screen.lines(size, false).at(-1)!.text.trimEnd();
  return { screen, press, footer, running, carved, opened: () => opened };
}

describe('carving a directory', () => {
  it.each(['n', 'escape', 'down', 'q'])('needs a yes: not %s', async (key) => {
    const { press, footer, opened, carved } = start();
    await press('c');
    expect(footer()).toMatch(/^carve all in it .*y\/o\/n$/);
    expect(await press(key as Key)).toBeUndefined();
    expect([footer(), opened(), carved]).toEqual(['nothing was carved', 0, []]);
  });

  it('that is stopped says where its files are', async () => {
    const own = mkdtempSync(join(tmpdir(), 'layerslayer-screen-'));
    try {
      const { screen, press, footer, running } = start(join(own, 'carved'));
      await press('c');
      const carving = press('y');
      setImmediate(() => running.abort(new Error('stopped')));
      await expect(carving).rejects.toThrow('stopped');
      screen.stopped();
      expect(footer()).toBe('stopped; what was written stays in ./carved/');
      screen.stopped();
      expect(footer()).toBe('stopped');
    } finally {
      rmSync(own, { recursive: true });
    }
  });

  it('says where it failed, without a code', async () => {
    const { press, footer, carved } = start();
    await press('c');
    await press('y');
    expect(carved).toHaveLength(1);
    expect(footer()).toMatch(/^writing \/proc\/none.*no such file or directory$/);
  });
});
