import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GzipHeader } from '#src/codec/gzip/gzip-header.js';
import { concat, type HeaderFields, header, member } from './members.js';
import { refusal } from './scan.js';

const ALL_FIELDS: HeaderFields = {
  text: true,
  extra: new Uint8Array([1, 0, 31, 139, 8]),
  name: 'usr/bin',
  comment: 'ünd',
  headerCrc: true,
};

/** Reads a header in pieces of the given lengths, then the rest. @returns the bytes it took, or its fault */
function read(bytes: Uint8Array, pieces: readonly number[]): number | string | undefined {
  const parser = new GzipHeader();
  let at = 0;
  for (const piece of [...pieces, bytes.length]) {
    at = parser.read(bytes, at, Math.min(at + piece, bytes.length));
    if (parser.fault !== undefined) return parser.fault;
  }
  return parser.done ? at : undefined;
}

describe('GzipHeader', () => {
  const data = new Uint8Array([0x4b, 0x04, 0x00]);
  const cases: [name: string, fields: HeaderFields][] = [
    ['no field', {}],
    ['an extra field', { extra: new Uint8Array(300) }],
    ['an empty extra field', { extra: new Uint8Array(0) }],
    ['a name', { name: 'layer.tar' }],
    ['an empty name', { name: '' }],
    ['a comment', { comment: 'by hand' }],
    ['a checksum', { headerCrc: true }],
    ['an empty extra field and a checksum', { extra: new Uint8Array(0), headerCrc: true }],
    ['everything', ALL_FIELDS],
  ];
  for (const [name, fields] of cases) {
    it(`with ${name}, split anywhere`, () => {
      const bytes = header(fields);
      const blob = concat(bytes, data);
      expect(read(blob, [])).toBe(bytes.length);
      for (let split = 0; split < blob.length; split++) expect(read(blob, [split])).toBe(bytes.length);
      expect(
        read(
          blob,
          Array.from(blob, () => 1),
        ),
      ).toBe(bytes.length);
    });

    it(`with ${name}, cut short, is not done`, () => {
      const bytes = header(fields);
      for (let length = 0; length < bytes.length; length++)
        expect(read(bytes.subarray(0, length), [])).toBeUndefined();
    });
  }

  it('says what is wrong', () => {
    expect(read(new Uint8Array([0x50, 0x4b]), [])).toBe('got first byte 80, want 31');
    expect(read(new Uint8Array([0x1f, 0x8c]), [])).toBe('got second byte 140, want 139');
    expect(read(header({ method: 7 }), [])).toBe('got compression method 7, want 8');
    expect(read(header({ reserved: 0x40 }), [])).toBe('got reserved flags 64, want 0');
    expect(read(header({ ...ALL_FIELDS, headerCrc: 1 }), [])).toMatch(/^got header checksum 1, want \d+$/);
  });

  it('does not keep a name of any length', () => {
    const parser = new GzipHeader();
    const start = header({ name: '' }).subarray(0, -1);
    parser.read(start, 0, start.length);
    const piece = new Uint8Array(1 << 20).fill(97);
    for (let i = 0; i < 50; i++) expect(parser.read(piece, 0, piece.length)).toBe(piece.length);
    expect(parser.read(new Uint8Array([0]), 0, 1)).toBe(1);
    expect(parser.done).toBe(true);
  });
});

describe('headers in a blob', () => {
  it('are accepted exactly when zlib accepts them: each byte, each value', () => {
    const blob = member(new Uint8Array(20), ALL_FIELDS);
    const end = header(ALL_FIELDS).length;
    for (let at = 0; at < end; at++) {
      for (let value = 0; value < 256; value++) {
        const changed = blob.slice();
        changed[at] = value;
        let zlibAccepts = true;
        try {
          gunzipSync(changed);
        } catch {
          zlibAccepts = false;
        }
        expect(refusal(changed) === undefined, `byte ${at} = ${value}`).toBe(zlibAccepts);
      }
    }
  });
});
