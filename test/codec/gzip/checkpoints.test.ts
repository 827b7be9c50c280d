import { readFileSync } from 'node:fs';
import { constants, gzipSync, type ZlibOptions } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type GzipCheckpoint as Checkpoint,
  packCheckpoint,
  unpackCheckpoint,
} from '#src/codec/gzip/gzip-checkpoint.js';
import { GzipCursor } from '#src/codec/gzip/gzip-cursor.js';
import { BLOCK_START, NEED_INPUT, STREAM_END } from '#src/codec/gzip/inflate-codes.js';
import { DEFLATE_WINDOW_SIZE, InflateEngine } from '#src/codec/gzip/inflate-engine.js';
import { concat, header, member } from './members.js';
import { nativeResume } from './native-resume.js';
import { plain } from './plain.js';
import { scan } from './scan.js';

const SPAN = 65_536;
const BLOCK = 10_007;

/** Every place between two blocks of a blob of one member without header fields. */
function blockStarts(blob: Uint8Array): { inOffset: number; bits: number; outOffset: number }[] {
  const engine = new InflateEngine();
  const start = header().length;
  engine.reset(start, 0);
  engine.startStream();
  const places = [];
  for (let at = start, event = -1; event !== STREAM_END; ) {
    event = engine.run(Number.POSITIVE_INFINITY, 0);
    if (event === BLOCK_START) {
      places.push({ inOffset: engine.inOffset, bits: engine.bitCount, outOffset: engine.outOffset });
    } else if (event === NEED_INPUT) {
      if (at === blob.length) engine.close();
      at += engine.append(blob.subarray(at));
    }
  }
  return places;
}

const place = ({ inOffset, bits, outOffset }: Checkpoint) => ({ inOffset, bits, outOffset });

const cursor = new GzipCursor(new InflateEngine());

/** The next `length` bytes from a checkpoint, with nothing but what it keeps of its window. */
function resume(blob: Uint8Array, checkpoint: Checkpoint, length: number): Uint8Array {
  cursor.seek(packCheckpoint(checkpoint));
  const output = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const made = cursor.read(output.subarray(done));
    const at = cursor.inputOffset;
    if (made === 0 && cursor.push(blob.subarray(at, at + BLOCK), at + BLOCK >= blob.length) === 0) break;
    done += made;
  }
  return output;
}

/** From every checkpoint zlib goes on to the end, and we with nothing but what is kept of the window. */
function expectNativeResumes(blob: Uint8Array, data: Uint8Array, checkpoints: readonly Checkpoint[]): void {
  for (const checkpoint of checkpoints) {
    if (checkpoint.memberStart) continue;
    const output = nativeResume(blob, data, checkpoint);
    const wanted = data.subarray(checkpoint.outOffset, checkpoint.outOffset + 2 * DEFLATE_WINDOW_SIZE);
    expect(Buffer.compare(resume(blob, checkpoint, wanted.length), wanted)).toBe(0);
    expect(
      Buffer.compare(output, data.subarray(checkpoint.outOffset)),
      JSON.stringify(place(checkpoint)),
    ).toBe(0);
  }
}

const asc = new URL('../../../node_modules/assemblyscript/dist/asc.js', import.meta.url);

const corpora: [name: string, load: () => Uint8Array, options: ZlibOptions][] = [
  ['a program', () => readFileSync(process.execPath).subarray(0, 6 << 20), {}],
  ['text', () => readFileSync(asc), {}],
  ['copies', () => plain('copies', 2 << 20), { memLevel: 3 }],
  ['noise', () => plain('noise', 2 << 20), {}],
];

for (const [name, load, options] of corpora) {
  describe(`checkpoints of ${name}`, () => {
    let data: Uint8Array;
    let blob: Uint8Array;
    let checkpoints: Checkpoint[];
    beforeAll(() => {
      data = load();
      blob = member(data, {}, options);
      checkpoints = scan(blob, { spanSize: SPAN, keepOutput: false }).checkpoints;
    });

    it('stand at the first byte and then at each first block from a span further on, or two where input is short', () => {
      const expected = [];
      let last = { inOffset: 0, outOffset: 0 };
      for (const start of blockStarts(blob)) {
        const output = start.outOffset - last.outOffset;
        const long = start.inOffset - last.inOffset >= (SPAN * 5) / 16;
        if (output < SPAN || (!long && output < 2 * SPAN)) continue;
        expected.push(start);
        last = start;
      }
      expect(checkpoints[0]).toEqual({
        inOffset: 0,
        bits: 0,
        outOffset: 0,
        window: new Uint8Array(0),
        isDense: false,
        memberStart: true,
      });
      expect(checkpoints.slice(1).map(place)).toEqual(expected);
      expect(checkpoints.slice(1).every(({ memberStart }) => !memberStart)).toBe(true);
      expect(expected.length).toBeGreaterThan(5);
    });

    it('do not depend on how the bytes came', () => {
      const other = scan(blob, { spanSize: SPAN, keepOutput: false, chunkSize: 977 });
      expect(other.checkpoints.map(place)).toEqual(checkpoints.map(place));
      for (const [i, { window }] of other.checkpoints.entries()) {
        expect(Buffer.compare(window, checkpoints[i]!.window)).toBe(0);
      }
    });

    it('have windows that hold what is needed, and no more', () => {
      for (const checkpoint of checkpoints) {
        const { outOffset, window } = checkpoint;
        const wanted = data.subarray(outOffset, outOffset + 2 * DEFLATE_WINDOW_SIZE);
        expect(window.length).toBeLessThanOrEqual(DEFLATE_WINDOW_SIZE);
        expect(Buffer.compare(resume(blob, checkpoint, wanted.length), wanted)).toBe(0);
        if (window.length === 0) continue;
        // Each byte is put back once, so if the last is missed all are needed.
        const shorter = { ...checkpoint, window: window.subarray(0, -1) };
        expect(() => resume(blob, shorter, wanted.length)).toThrowError(
          /a byte of the window that was not kept/,
        );
      }
    });

    it('let zlib go on', () => {
      // Each resume inflates the rest: a share of them is enough.
      const step = Math.ceil(checkpoints.length / 24);
      expectNativeResumes(
        blob,
        data,
        checkpoints.filter((_, i) => i % step === 0 || i > checkpoints.length - 3),
      );
    });
  });
}

describe('checkpoints', () => {
  it('are resumed by zlib at all eight bit positions', () => {
    const data = plain('letters', 3 << 20);
    const blob = member(data, {}, { memLevel: 2 });
    const { checkpoints } = scan(blob, { spanSize: 32_768, keepOutput: false });
    const some = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((bits) =>
      checkpoints.filter((checkpoint) => checkpoint.bits === bits && !checkpoint.memberStart).slice(0, 2),
    );
    expect(new Set(some.map(({ bits }) => bits)).size).toBe(8);
    expectNativeResumes(blob, data, some);
  });

  it('have windows far smaller than 32 KiB where little is repeated', () => {
    const { checkpoints } = scan(member(plain('noise', 1 << 20)), { spanSize: 131_072 });
    expect(checkpoints.length).toBe(8);
    for (const { window } of checkpoints) expect(window.length).toBe(0);
  });

  it('stand where blocks allow it in runs of zeros, 8 MB apart', () => {
    const data = new Uint8Array(30 << 20);
    const blob = member(data, {}, { level: 9, memLevel: 9 });
    const { checkpoints } = scan(blob, { spanSize: 1 << 20, keepOutput: false });
    expect(checkpoints.slice(1).map(place)).toEqual(
      blockStarts(blob).filter(({ outOffset }) => outOffset > 0),
    );
    expect(checkpoints.length).toBeGreaterThan(2);
    expectNativeResumes(blob, data, checkpoints);
  });

  it('stand between stored blocks', () => {
    const data = plain('noise', 1 << 20);
    const blob = member(data, {}, { level: 0 });
    const { checkpoints } = scan(blob, { spanSize: 131_072, keepOutput: false });
    expect(checkpoints.length).toBeGreaterThan(4);
    expectNativeResumes(blob, data, checkpoints);
  });

  it('stand in fixed blocks too', () => {
    const data = plain('copies', 1 << 20);
    const blob = member(data, {}, { strategy: constants.Z_FIXED, memLevel: 2 });
    const { checkpoints } = scan(blob, { spanSize: 65_536, keepOutput: false });
    expect(checkpoints.length).toBeGreaterThan(4);
    expectNativeResumes(blob, data, checkpoints);
  });

  it('stand at member starts, free of windows, once a span', () => {
    const data = plain('copies', 40_000);
    const one = member(data, { name: 'part' });
    const { checkpoints } = scan(concat(...Array.from({ length: 10 }, () => one)), { spanSize: 65_536 });
    // 40,000 bytes are less than a span and hold no block start beyond it: every second member begins a span.
    expect(checkpoints).toEqual(
      [0, 2, 4, 6, 8].map((i) => ({
        inOffset: i * one.length,
        bits: 0,
        outOffset: i * data.length,
        window: new Uint8Array(0),
        isDense: false,
        memberStart: true,
      })),
    );
  });

  it('are one for any number of empty members', () => {
    const empty = gzipSync(new Uint8Array(0));
    const blob = new Uint8Array(Buffer.concat(Array.from({ length: 10_000 }, () => empty)));
    expect(scan(blob, { spanSize: 1 << 20, keepOutput: false }).checkpoints.length).toBe(1);
  });

  it('do not multiply with tiny members', () => {
    const one = gzipSync(plain('letters', 100));
    const blob = new Uint8Array(Buffer.concat(Array.from({ length: 100_000 }, () => one)));
    const { checkpoints, outSize, members } = scan(blob, { spanSize: 1 << 20, keepOutput: false });
    expect({ outSize, members }).toEqual({ outSize: 10_000_000, members: 100_000 });
    expect(checkpoints.length).toBe(10); // every 1,048,600 bytes
    for (const { inOffset, outOffset } of checkpoints) expect(inOffset / one.length).toBe(outOffset / 100);
  });

  it('have final windows when the member ends within 32 KiB, and do not reach into the next', () => {
    const data = plain('copies', 131_072 + 9000);
    const one = member(data, {}, { memLevel: 1 });
    const { checkpoints } = scan(concat(one, one), { spanSize: 65_536 });
    const last = checkpoints.filter(({ inOffset }) => inOffset < one.length).at(-1)!;
    expect(data.length - last.outOffset).toBeLessThan(DEFLATE_WINDOW_SIZE);
    expectNativeResumes(one, data, [last]);
  });
});

describe('the state of a checkpoint', () => {
  const place = { inOffset: 5, outOffset: 9 };
  const window = Uint8Array.of(1, 2, 3);
  it.each<[string, Checkpoint]>([
    ["a member's start", { ...place, bits: 0, window: new Uint8Array(0), isDense: false, memberStart: true }],
    [
      'a block without a window',
      { ...place, bits: 0, window: new Uint8Array(0), isDense: false, memberStart: false },
    ],
    ['a block inside a byte', { ...place, bits: 7, window, isDense: false, memberStart: false }],
    ['a dense window', { ...place, bits: 7, window, isDense: true, memberStart: false }],
    [
      'a dense window of nothing',
      { ...place, bits: 0, window: new Uint8Array(0), isDense: true, memberStart: false },
    ],
  ])('of %s is what it was', (_, checkpoint) => {
    expect(unpackCheckpoint(packCheckpoint(checkpoint))).toEqual(checkpoint);
  });

  it('is refused when no scan makes it', () => {
    for (const state of [Uint8Array.of(8), new Uint8Array(2 + DEFLATE_WINDOW_SIZE)]) {
      expect(() => unpackCheckpoint({ ...place, state })).toThrowError(
        expect.objectContaining({ code: 'CORRUPT_LAYER' }),
      );
    }
  });
});
