import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { Browser } from '#src/cli/commands/interactive/browser/browser.js';
import { FileBytes } from '#src/cli/commands/interactive/browser/file-screen/file-bytes.js';
import { FileScreen } from '#src/cli/commands/interactive/browser/file-screen/file-screen.js';
import type { Outcome, Pressing, Screen } from '#src/cli/commands/interactive/browser/screen/screen.js';
import type { Keyboard } from '#src/cli/commands/interactive/browser/terminal/full-screen.js';
import { columnsOf } from '#src/cli/terminal/layout/cut-text.js';
import type { Layer } from '#src/engine/layer.js';
import { file as fileEntry, layerWith } from '../../../../support/entries.js';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

/** A terminal in memory. */
class FakeTerminal {
  readonly keys = new EventEmitter();
  readonly isTerminal = true;
  columns = 60;
  rows = 8;
  written = '';
  isRaw = false;
  readonly keyboard = Object.assign(this.keys, {
    resume: () => this.keys,
    pause: () => this.keys,
    setRawMode: (isRaw: boolean) => {
      this.isRaw = isRaw;
      return this.keys;
    },
  }) as unknown as Keyboard;

  write(text: string | Uint8Array): void {
    this.written += text;
  }

  async type(text: string): Promise<void> {
    this.keys.emit('data', Buffer.from(text));
    await settled();
  }

  /** Whether the terminal is as it was before. */
  get isRestored(): boolean {
    const isLeft = this.written.lastIndexOf(LEAVE) > this.written.lastIndexOf(ENTER);
    return isLeft && !this.isRaw && this.keys.eventNames().length === 0;
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function start(first: Screen, signal = new AbortController().signal) {
  const terminal = new FakeTerminal();
  const ended = new Browser(first, { display: terminal, keyboard: terminal.keyboard }).run(signal);
  ended.catch(() => {});
  return { terminal, ended };
}

/** A screen that does what a test says. */
function screenOf(
  press: (key: string, pressing: Pressing) => Outcome | Promise<Outcome>,
): Screen & { keys: string[] } {
  const keys: string[] = [];
  return {
    keys,
    lines: ({ rows }, isBusy) =>
      Array.from({ length: rows }, (_, i) => ({ text: `${isBusy ? 'busy' : 'row'} ${i}`, style: 'plain' })),
    press(key, pressing) {
      keys.push(key);
      return press(key, pressing);
    },
    stopped: () => undefined,
  };
}

const listeners = () =>
  ['exit', 'uncaughtExceptionMonitor', 'SIGWINCH', 'SIGTSTP', 'SIGCONT'].map((event) =>
    process.listenerCount(event),
  );

describe('Browser', () => {
  it('shows screens on top of each other, and ends with the first', async () => {
    const before = listeners();
    const second = screenOf((key) => (key === 'q' ? 'back' : undefined));
    const first = screenOf((key) => (key === 'q' ? 'back' : second));
    const { terminal, ended } = start(first);
    await settled();
    await terminal.type('ab\x1b[Aq');
    expect([first.keys, second.keys]).toEqual([['a'], ['b', 'up', 'q']]);
    expect(terminal.isRaw).toBe(true);
    await terminal.type('q');
    await ended;
    expect(terminal.isRestored).toBe(true);
    expect(listeners()).toEqual(before);
  });

  it.each([
    ['Ctrl-C', 'interrupted'],
    ['a fault in the program', 'planted'],
    ['the end of the terminal', 'interrupted'],
    ['a signal', 'stopped'],
  ])('restores the terminal after %s', async (why, message) => {
    const before = listeners();
    const stop = new AbortController();
    const screen = screenOf(() => {
      throw new Error('planted');
    });
    const { terminal, ended } = start(screen, stop.signal);
    await settled();
    if (why === 'Ctrl-C') await terminal.type('\x03');
    else if (why === 'a signal') stop.abort(new LayerslayerError('ABORTED', 'stopped'));
    else if (why === 'the end of the terminal') terminal.keys.emit('end');
    else await terminal.type('x');
    await expect(ended).rejects.toThrow(message);
    expect(terminal.isRestored).toBe(true);
    expect(listeners()).toEqual(before);
  });

  it('draws only lines that have changed, all of them in a new size', async () => {
    const { terminal, ended } = start(screenOf((key) => (key === 'q' ? 'back' : undefined)));
    await settled();
    terminal.written = '';
    await terminal.type('a');
    expect(terminal.written).toBe('');
    terminal.rows = 3;
    process.emit('SIGWINCH', 'SIGWINCH');
    await settled();
    expect(terminal.written.match(/row \d/g)).toEqual(['row 0', 'row 1', 'row 2']);
    await terminal.type('q');
    await ended;
  });

  it.each(['\x1b', 'q', '\x1b[D'])(
    'stops what takes long by %j, and says meanwhile that it is busy',
    async (key) => {
      const slow = screenOf(
        (_, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      );
      const { terminal, ended } = start(slow);
      await terminal.type('a');
      await expect.poll(() => terminal.written).toContain('busy');
      await terminal.type('xyz'); // typed ahead of nothing
      await terminal.type(key);
      await expect
        .poll(() => terminal.written.lastIndexOf('row'))
        .toBeGreaterThan(terminal.written.lastIndexOf('busy'));
      expect(slow.keys).toEqual(['a']);
      await terminal.type('\x03');
      await expect(ended).rejects.toThrow('interrupted');
    },
  );
});

describe('a file on the screen', () => {
  /** @param read replaces that of the layer */
  function open(content: Uint8Array | string, read?: Layer['read']) {
    const layer = layerWith(1, fileEntry('f', content));
    const bytes = new FileBytes({ ...layer, ...(read && { read }) }, 0);
    const shown = (error: unknown) => error as LayerslayerError;
    const screen = new FileScreen({ title: '/f', bytes, shown });
    const pressing = {
      size: { columns: 60, rows: 8 },
      signal: new AbortController().signal,
      showBusy: () => {},
    };
    const texts = () => screen.lines(pressing.size, false).map(({ text }) => text.trimEnd());
    return {
      async see(): Promise<string[]> {
        await screen.prepare(pressing);
        return texts().slice(1, 6);
      },
      status: () => texts()[7]!,
      async press(...keys: string[]): Promise<string[]> {
        for (const key of keys) {
          await screen.press(key, pressing);
          await screen.prepare(pressing);
        }
        return texts().slice(1, 6);
      },
    };
  }

  const LINES = Array.from({ length: 20 }, (_, i) => `line ${i + 1}\n`).join('');

  it('scrolls by rows, pages and to the ends, and not beyond', async () => {
    const view = open(LINES);
    const top = async (...keys: string[]) => (await view.press(...keys))[0];
    expect(await view.see()).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
    expect(view.status()).toBe('151 B  text  offset 0  23%');
    expect(await top('down', 'j', 'enter')).toBe('line 4');
    expect(await top('up')).toBe('line 3');
    expect(await top(' ')).toBe('line 8');
    expect(await top('pagedown', 'pagedown', 'pagedown')).toBe('line 16');
    expect(view.status()).toContain('100%');
    expect(await top('pageup')).toBe('line 11');
    expect(await top('home')).toBe('line 1');
    expect(await top('up', 'pageup')).toBe('line 1');
    expect(await top('G')).toBe('line 16');
  });

  it('turns from text to hex at its place, and back', async () => {
    const view = open(LINES);
    await view.see();
    expect((await view.press('down', 'x'))[0]).toMatch(
      /^00000000 {2}6c 69 6e 65 20 31 0a 6c {2}\|line 1\.l\|$/,
    );
    expect((await view.press('end')).at(-1)).toMatch(/^00000090 .*\|ine 20\.\|$/);
    expect((await view.press('x'))[0]).toMatch(/^line 1\d$/);
  });

  it('begins as hex if there is a NUL', async () => {
    const view = open(Uint8Array.of(0x61, 0, 0xff));
    expect((await view.see())[0]).toMatch(/^00000000 {2}61 00 ff .*\|a\.\.\|$/);
  });

  it('that is empty has no rows', async () => {
    const view = open('');
    expect(await view.see()).toEqual(['', '', '', '', '']);
    expect(await view.press('end', 'x', 'pageup')).toEqual(['', '', '', '', '']);
    expect(view.status()).toBe('0 B  hex  offset 0  100%');
  });

  it('fills any size exactly, with text, hex, details and help', async () => {
    const key = fc.constantFrom('x', 'down', 'up', ' ', 'b', 'G', 'g', '?', 'resize');
    const sizes = fc.record({
      columns: fc.integer({ min: 1, max: 120 }),
      rows: fc.integer({ min: 1, max: 40 }),
    });
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(bytes, sizes, sizes, fc.array(key), async (content, one, other, keys) => {
        const file = new FileBytes(layerWith(1, fileEntry('f', content)), 0);
        const stack: Screen[] = [
          new FileScreen({ title: '/日本/f', bytes: file, shown: (e) => e as LayerslayerError }),
        ];
        let size = one;
        for (const key of ['', ...keys]) {
          const pressing = { size, signal: new AbortController().signal, showBusy: () => {} };
          if (key === 'resize') size = size === one ? other : one;
          else if (key !== '') {
            const outcome = await stack.at(-1)!.press(key, pressing);
            if (outcome === 'back') stack.pop();
            else if (outcome) stack.push(outcome);
          }
          await stack.at(-1)!.prepare?.({ ...pressing, size });
          const lines = stack.at(-1)!.lines(size, false);
          expect(lines).toHaveLength(size.rows);
          for (const { text } of lines) expect(columnsOf(text)).toBe(size.columns);
          expect(lines.map(({ text }) => text).join()).not.toContain('INTERNAL');
        }
      }),
      { numRuns: 60 },
    );
  });

  it('shows a fault with its code until a key asks for bytes again', async () => {
    let isBroken = true;
    const view = open('hello\n', () => {
      if (isBroken) throw new LayerslayerError('REGISTRY_UNAVAILABLE', 'no route');
      return Buffer.from('hello\n');
    });
    expect((await view.see())[0]).toBe('REGISTRY_UNAVAILABLE: no route');
    expect((await view.press('down'))[0]).toBe('REGISTRY_UNAVAILABLE: no route');
    isBroken = false;
    expect((await view.see())[0]).toBe('REGISTRY_UNAVAILABLE: no route');
    expect((await view.press('r'))[0]).toBe('hello');
  });
});
