import { describe, expect, it } from 'vitest';
import { ProgressDisplay } from '#src/cli/terminal/progress/progress.js';
import type { LayerProgress } from '#src/engine/image-session.js';
import { memoryOutput } from './memory-output.js';

function layer(number: number, changes: Partial<LayerProgress> = {}): LayerProgress {
  return { layer: number, state: 'indexing', cached: false, doneBytes: 0, totalBytes: 1024, ...changes };
}

/** What a terminal shows after this text: lines, with `CUU` and `ED` obeyed. */
function screen(text: string): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;
  for (const [piece, up] of text.matchAll(/\x1b\[(\d+)A|\x1b\[J|[\r\n]|[^\x1b\r\n]+/g)) {
    const line = lines[row]!;
    if (up !== undefined) row = Math.max(0, row - Number(up));
    else if (piece === '\x1b[J') lines.splice(row, lines.length, line.slice(0, column));
    else if (piece === '\r') column = 0;
    else if (piece === '\n') {
      column = 0;
      if (++row === lines.length) lines.push('');
    } else {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines;
}

describe('ProgressDisplay', () => {
  it('redraws in place and leaves nothing on the screen', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(2);
    display.progress(layer(1));
    display.progress(layer(2));
    display.progress(layer(1, { state: 'done' }));
    expect(screen(text.stderr)).toEqual([
      'layer 1/2  indexed, 1.0 KiB',
      expect.stringMatching(/^layer 2\/2 {2}\[-+\] {2}indexing {4}1\.0 KiB {4}0%$/),
      '',
    ]);
    display.say('warn: something');
    expect(screen(text.stderr)[0]).toBe('warn: something');
    expect(screen(text.stderr)).toHaveLength(4);
    display.end();
    expect(screen(text.stderr)).toEqual(['warn: something', '']);
    expect(text.stdout).toBe('');
  });

  it('redraws over what the terminal has shown of a key', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(1);
    display.progress(layer(1));
    text.stderr += '^C';
    display.progress(layer(1, { state: 'waiting' }));
    expect(screen(text.stderr)).toEqual(['layer 1/1  waiting for another process', '']);
    text.stderr += '^C';
    display.end();
    expect(screen(text.stderr)).toEqual(['']);
  });

  it('redraws at most ten times a second, but shows each change of state', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    let now = 0;
    const display = new ProgressDisplay(output, { now: () => now });
    display.resolved(1);
    display.progress(layer(1));
    const once = text.stderr.length;
    display.progress(layer(1, { doneBytes: 100 }));
    expect(text.stderr.length).toBe(once);
    now = 100;
    display.progress(layer(1, { doneBytes: 200 }));
    const twice = text.stderr.length;
    expect(twice).toBeGreaterThan(once);
    display.progress(layer(1, { state: 'done' }));
    expect(text.stderr.length).toBeGreaterThan(twice);
  });

  it('shows speed and time left after a second, and holds each figure for another', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    let now = 0;
    const display = new ProgressDisplay(output, { now: () => now });
    display.resolved(1);
    const shown: string[] = [];
    // 100 KiB a second, of 1000 KiB; from the fourth second on twice as fast
    for (let doneBytes = 0; now < 5_000; now += 100) {
      display.progress(layer(1, { doneBytes, totalBytes: 1000 * 1024 }));
      shown.push(/%(.*)$/m.exec(screen(text.stderr)[0]!)![1]!.trim());
      doneBytes += (now < 3_000 ? 10 : 20) * 1024;
    }
    // The first bytes come after 100 ms, and are measured from then on.
    expect(shown.slice(0, 11)).toEqual(new Array(11).fill(''));
    expect(shown[11]).toBe('100.0 KiB/s  9 s left');
    expect(shown.slice(11, 21)).toEqual(new Array(10).fill(shown[11]));
    expect(shown[21]).toBe('100.0 KiB/s  8 s left');
    const speeds = [31, 41].map((i) => Number.parseFloat(shown[i]!));
    expect(speeds[0]).toBeGreaterThan(100);
    expect(speeds[1]).toBeGreaterThan(speeds[0]!);
    expect(speeds[1]).toBeLessThan(200);
    display.progress(layer(1, { state: 'done' }));
    expect(screen(text.stderr)).toEqual(['layer 1/1  indexed, 1.0 KiB', '']);
  });

  it('takes the bars away before a result, which may go to the same terminal', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(2);
    display.progress(layer(1));
    display.result('found');
    expect(screen(text.stderr)).toEqual(['']);
    expect(text.stdout).toBe('found\n');
    display.progress(layer(2));
    expect(screen(text.stderr)).toHaveLength(3);
  });

  it.each(['one', 'one\n'])('never moves over content, here %j, nor draws below it', (content) => {
    const { output, terminal } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(2);
    display.progress(layer(1));
    output.bytes(Buffer.from(content));
    const shown = terminal.text;
    expect(screen(shown)).toEqual(content.split('\n'));
    display.progress(layer(1, { state: 'done' }));
    display.end();
    expect(terminal.text).toBe(shown);
    display.warn('not verified');
    expect(screen(terminal.text)).toEqual(['one', 'not verified', '']);
  });

  it('draws no more once a pipe has results: its reader writes when it likes', () => {
    const { output, text } = memoryOutput({ isTerminal: true, isPipe: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(2);
    display.progress(layer(1));
    display.result('found');
    const shown = text.stderr;
    expect(screen(shown)).toEqual(['']);
    display.progress(layer(2));
    display.end();
    expect(text.stderr).toBe(shown);
    display.notice('rate limited');
    expect(screen(text.stderr)).toEqual(['rate limited', '']);
  });

  it.each(['note', 'error'] as const)('is taken away by whatever writes an %s', (kind) => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(1);
    display.progress(layer(1));
    if (kind === 'note') output.note('x');
    else output.error({ code: 'IO_FAILED', message: 'x' });
    expect(screen(text.stderr)).toEqual([kind === 'note' ? 'x' : 'layerslayer: x', '']);
  });

  it('moves no cursor on a dumb terminal', () => {
    const { output, text } = memoryOutput({ isTerminal: true, isDumb: true });
    const display = new ProgressDisplay(output, { now: () => 0 });
    display.resolved(1);
    display.progress(layer(1));
    display.notice('rate limited');
    display.progress(layer(1, { state: 'done' }));
    display.end();
    expect(text.stderr).toBe('rate limited\n');
  });

  it('draws nothing for kept indexes', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const display = new ProgressDisplay(output);
    display.resolved(1);
    display.progress(layer(1, { state: 'done', cached: true }));
    display.end();
    expect(text.stderr).toBe('');
  });

  it.each([true, false])('says one line a layer where there is no terminal, if verbose: %s', (verbose) => {
    const { output, text } = memoryOutput();
    output.choices = { json: false, quiet: false, verbose };
    const display = new ProgressDisplay(output);
    display.resolved(2);
    for (const doneBytes of [0, 10, 1024]) display.progress(layer(1, { doneBytes }));
    display.progress(layer(1, { state: 'done' }));
    display.notice('rate limited by \x1b[31mx');
    display.progress(layer(2, { state: 'waiting' }));
    display.progress(layer(2, { state: 'done', cached: true }));
    display.end();
    const notice = 'rate limited by \\x1b[31mx\n';
    if (!verbose) return expect(text.stderr).toBe(notice);
    expect(text.stderr).toBe(
      'layer 1/2: indexed, 1.0 KiB\n' +
        notice +
        'layer 2/2: waiting for another process\nlayer 2/2: already indexed\n',
    );
  });

  it.each([true, false])('shows only warnings when quiet (terminal: %s)', (isTerminal) => {
    const { output, text } = memoryOutput({ isTerminal });
    output.choices = { json: false, quiet: true, verbose: false };
    const display = new ProgressDisplay(output);
    display.resolved(1);
    display.progress(layer(1));
    display.progress(layer(1, { state: 'done' }));
    display.notice('rate limited');
    display.say('FOUND a');
    display.done('saved a');
    display.warn('not verified');
    display.result('{}');
    display.end();
    expect([text.stderr, text.stdout]).toEqual(['not verified\n', '{}\n']);
  });
});
