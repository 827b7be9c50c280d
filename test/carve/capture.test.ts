import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequentialSink } from '#src/carve/output/sequential-sink.js';
import { Capture } from '#src/carve/search/capture.js';
import { TarScanner } from '#src/tar/tar-scanner.js';
import { file, oldGnuSparse, tarOf } from '../support/tar.js';

/** Captures the file `path` of a tar that passes in pieces, as the pieces' lengths say. */
function captured(tar: Buffer, path: string, lengths: readonly number[]): Buffer | undefined {
  const parts: Buffer[] = [];
  let capture: Capture | undefined;
  let sink: SequentialSink | undefined;
  const scanner = new TarScanner({
    onEntry(entry) {
      if (Buffer.from(entry.path).toString() !== path) return;
      sink = new SequentialSink(entry.size, (bytes) => parts.push(Buffer.from(bytes)));
      const { dataOffset, storedSize, sparse } = entry;
      capture = new Capture({ dataOffset, storedSize, sparse }, sink);
    },
    onWarning: () => {},
  });
  for (let at = 0, turn = 0; at < tar.length; turn++) {
    const part = tar.subarray(at, at + lengths[turn % lengths.length]!);
    scanner.push(part, 0, part.length);
    if (capture && !capture.isComplete) capture.pass(part, at);
    at += part.length;
  }
  sink?.commit();
  return capture?.isComplete ? Buffer.concat(parts) : undefined;
}

describe('a capture', () => {
  const content = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251));
  const pieces = [
    { offset: 0, data: content.subarray(0, 512) },
    { offset: 4096, data: content.subarray(512, 2000) },
    { offset: 100_000, data: content.subarray(2000, 2010) },
  ];
  const logical = Buffer.alloc(150_000);
  for (const { offset, data } of pieces) logical.set(data, offset);
  const tar = tarOf(
    file('before', 'x'.repeat(700)),
    file('plain', content),
    file('empty'),
    oldGnuSparse('sparse', 150_000, pieces),
    oldGnuSparse('hole', 9000, []),
    file('after', 'y'),
  );

  it('takes a file out of a tar, however it is cut in pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }), (lengths) => {
        expect(captured(tar, 'plain', lengths)?.equals(content)).toBe(true);
        expect(captured(tar, 'empty', lengths)?.length).toBe(0);
        expect(captured(tar, 'sparse', lengths)?.equals(logical)).toBe(true);
        expect(captured(tar, 'hole', lengths)?.equals(Buffer.alloc(9000))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('is not complete when the tar ends before', () => {
    expect(captured(tar.subarray(0, 2500), 'plain', [100])).toBeUndefined();
  });
});
