import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkRows, ROW_MAX } from '#src/web/views/content/chunk-rows.js';
import { CHUNK_SIZE, FileChunks } from '#src/web/views/content/file-chunks.js';
import { LineRun } from '#src/web/views/content/line-run.js';

const never = new AbortController().signal;

/** A file in memory, and the offsets that were requested of it. */
function fileOf(bytes: Uint8Array<ArrayBuffer>) {
  const requested: number[] = [];
  const read = async ({ offset, length }: { offset: number; length: number }) => {
    requested.push(offset);
    return bytes.slice(offset, offset + length);
  };
  return { chunks: new FileChunks(bytes.length, read, never), requested };
}

async function reachAll(run: LineRun, first: number, end: number): Promise<number> {
  let moved = 0;
  for (
    let step = await run.reach(first, end);
    step !== undefined;
    step = await run.reach(first + moved, end + moved)
  )
    moved += step;
  return moved;
}

function lines(count: number, text: (line: number) => string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(Array.from({ length: count }, (_, line) => `${text(line + 1)}\n`).join(''));
}

describe('rows of a text', () => {
  it('are its lines, whatever chunks they lie in', async () => {
    const line = fc.string({ maxLength: 300 }).map((text) => text.replaceAll('\n', ' '));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        async (texts, endsInNewline) => {
          // Repeated until the text has several chunks.
          const times = Math.ceil((1.5 * CHUNK_SIZE) / (texts.join('\n').length + 1));
          const text = `${Array(times).fill(texts.join('\n')).join('\n')}${endsInNewline ? '\n' : ''}`;
          const bytes = new TextEncoder().encode(text);
          const run = new LineRun(fileOf(bytes).chunks);
          await reachAll(run, 0, Number.POSITIVE_INFINITY);
          expect(run.isWhole).toBe(true);
          const expected = text.split('\n');
          if (text.endsWith('\n')) expected.pop();
          const rows = Array.from({ length: run.count }, (_, index) => run.row(index)!);
          const shown = rows.map(({ offset, length }) =>
            new TextDecoder().decode(bytes.subarray(offset, offset + length)).replace(/\n$/, ''),
          );
          expect(shown).toEqual(expected.length === 0 ? [''] : expected);
          expect(rows.map((row) => row.line)).toEqual(expected.map((_, index) => index + 1));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('cut long lines between characters, and number each line once', async () => {
    const bytes = new TextEncoder().encode(`${'é'.repeat(150_000)}\nshort\n`);
    const run = new LineRun(fileOf(bytes).chunks);
    await reachAll(run, 0, Number.POSITIVE_INFINITY);
    const rows = Array.from({ length: run.count }, (_, index) => run.row(index)!);
    expect(rows.filter((row) => row.isLine).map((row) => row.line)).toEqual([1, 2]);
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(2 * ROW_MAX + 8);
    const strict = new TextDecoder('utf-8', { fatal: true });
    const text = rows
      .map(({ offset, length }) => strict.decode(bytes.subarray(offset, offset + length)))
      .join('');
    expect(text).toBe(new TextDecoder().decode(bytes));
  });

  it('cut a line of bytes that are no characters', () => {
    const { starts } = chunkRows(new Uint8Array(50_000).fill(0x80), { isFirst: true, isLast: true });
    expect(starts.length).toBeGreaterThan(20);
  });

  it('of an empty last chunk are none', () => {
    const { starts, newlines } = chunkRows(new TextEncoder().encode('a\n'), { isFirst: true, isLast: true });
    expect([[...starts], newlines]).toEqual([[0], 1]);
  });
});

describe('a run of rows', () => {
  const LINES = 200_000;
  const text = lines(LINES, (line) => `line ${line} ${'.'.repeat(line % 40)}`);
  const lineAt = (run: LineRun, index: number) => {
    const { offset, length } = run.row(index)!;
    return Number(/^line (\d+) /.exec(new TextDecoder().decode(text.subarray(offset, offset + length)))![1]);
  };

  it('reads one chunk for the first rows', async () => {
    const { chunks, requested } = fileOf(text);
    const run = new LineRun(chunks);
    await reachAll(run, 0, 50);
    expect(requested).toEqual([0]);
    expect([run.row(0)!.line, run.row(49)!.line]).toEqual([1, 50]);
  });

  it('jumps to the middle in few requests, without line numbers', async () => {
    const { chunks, requested } = fileOf(text);
    const run = new LineRun(chunks);
    await reachAll(run, 0, 50);
    const middle = Math.floor(run.count / 2);
    const moved = await reachAll(run, middle, middle + 50);
    expect(requested.length).toBeLessThanOrEqual(3);
    expect(run.row(middle + moved)!.line).toBeUndefined();
    expect(Math.abs(lineAt(run, middle + moved) - LINES / 2)).toBeLessThan(LINES / 20);
  });

  it('shows each line above and below a jump once, in order', async () => {
    const run = new LineRun(fileOf(text).chunks);
    await reachAll(run, 0, 50);
    let at = Math.floor(run.count / 2);
    at += await reachAll(run, at, at + 50);
    for (const step of [-40, 40]) {
      let line = lineAt(run, at);
      for (let count = 0; count < 300; count++) {
        at += step;
        at += await reachAll(run, at, at + 50);
        expect(lineAt(run, at)).toBe(line + step);
        line += step;
      }
    }
  });

  it('ends with the last line', async () => {
    const run = new LineRun(fileOf(text).chunks);
    await reachAll(run, 0, 50);
    const first = run.count - 50;
    const moved = await reachAll(run, first, run.count);
    expect(lineAt(run, run.count - 1)).toBe(LINES);
    expect(first + moved).toBeLessThan(run.count);
  });

  it('has line numbers again when it goes back to the start', async () => {
    const run = new LineRun(fileOf(text).chunks);
    await reachAll(run, 0, 50);
    await reachAll(run, 100_000, 100_050);
    const moved = await reachAll(run, 0, 50);
    expect(run.row(moved)!.line).toBe(1);
  });

  it('keeps few chunks in memory, and repeats a failed request', async () => {
    let fails = true;
    const read = async () => {
      if (fails) throw new Error('once');
      return new Uint8Array(CHUNK_SIZE);
    };
    const chunks = new FileChunks(100 * CHUNK_SIZE, read, never);
    await expect(chunks.load(0)).rejects.toThrow('once');
    fails = false;
    for (let number = 0; number < 100; number++) await chunks.load(number);
    const kept = Array.from({ length: 100 }, (_, number) => chunks.peek(number)).filter(Boolean);
    expect(kept.length).toBe(64);
    expect(chunks.peek(99)).toBeDefined();
  });
});
