import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfText, fsPath, isRaw, replaceRawBytes, textOfBytes } from '#src/base/text/raw-text.js';

test.each([
  ['nothing', '', ''],
  ['ASCII', '612f62', 'a/b'],
  ['UTF-8 of all lengths, and U+FFFD itself', 'c3a9e282acf09f9280efbfbd', 'é€💀\ufffd'],
  ['a byte order mark', 'efbbbf61', '\ufeffa'],
  ['latin1', '6ce961', 'l\udce9a'],
  ['a sequence that is cut short', 'e282', '\udce2\udc82'],
  ['an overlong slash', 'c0af', '\udcc0\udcaf'],
  ['a surrogate as if it were a character', 'edb3a9', '\udced\udcb3\udca9'],
  ['a byte before what is UTF-8', 'ffc3a9', '\udcffé'],
])('%s', (_, hex, text) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(textOfBytes(bytes)).toBe(text);
  expect(bytesOfText(text)).toEqual(bytes);
  expect(isRaw(text)).toBe(/[\udc80-\udcff]/u.test(text));
});

test('any bytes survive a round trip, also through JSON and joined with UTF-8', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      const text = textOfBytes(bytes);
      expect(Buffer.compare(bytesOfText(text), bytes)).toBe(0);
      const joined = JSON.parse(JSON.stringify(`💀/${text}/é`)) as string;
      expect(bytesOfText(joined)).toEqual(Buffer.concat([Buffer.from('💀/'), bytes, Buffer.from('/é')]));
    }),
  );
});

test('valid text is unchanged', () => {
  expect(fsPath('/a/é💀')).toBe('/a/é💀');
  expect(replaceRawBytes('💀l\udce9', (byte) => `<${byte}>`)).toBe('💀l<233>');
});

test('a path refers to the file with these bytes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-raw-'));
  try {
    writeFileSync(fsPath(join(directory, 'l\udce9')), '');
    expect(readdirSync(directory, 'buffer')).toEqual([Buffer.from([0x6c, 0xe9])]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
