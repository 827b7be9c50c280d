import { expect, it } from 'vitest';
import { type AskedBytes, AskedLayer, readAsked } from '#src/api/analysis/asked-layer.js';
import { LayerslayerError } from '#src/base/errors.js';
import { dir, file, layerWith } from '../support/entries.js';

const FILES = [
  file('a', 'first'),
  dir('d/'),
  file('d/b', 'second'),
  file('empty', ''),
  file('c', 'third'),
  file('large', 'x'.repeat(100_000)),
  file('last', 'end'),
];
const { signal } = new AbortController();

function asked(fails: (bytes: AskedBytes) => boolean = () => false) {
  const layer = layerWith(1, ...FILES);
  const messages: (readonly number[])[] = [];
  const given = new AskedLayer(layer, layer.entries, {
    number: 1,
    chunkTable: undefined,
    ask(bytes) {
      messages.push(bytes.rows);
      if (fails(bytes)) return Promise.reject(new LayerslayerError('CORRUPT_LAYER', `rows ${bytes.rows}`));
      return readAsked(layer, bytes, signal);
    },
  });
  const read = async (row: number, offset: number, length: number) =>
    Buffer.from(await given.read(row, offset, length)).toString();
  return { read, messages };
}

it('asks for small files together, and for parts of large ones', async () => {
  const { read, messages } = asked();
  expect(await read(0, 0, 5)).toBe('first');
  expect([await read(2, 1, 3), await read(4, 0, 5)]).toEqual(['eco', 'third']);
  expect(messages).toEqual([[0, 2, 4]]);
  expect(await read(5, 99_998, 2)).toBe('xx');
  expect(messages.slice(1)).toEqual([[5]]);
  expect(await read(6, 0, 3)).toBe('end');
});

it('asks for a file alone if one of several can’t be read', async () => {
  const { read, messages } = asked(({ rows }) => rows.includes(4));
  expect(await read(0, 0, 5)).toBe('first');
  expect(await read(2, 0, 6)).toBe('second');
  await expect(read(4, 0, 5)).rejects.toThrow('rows 4');
  expect(messages).toEqual([[0, 2, 4], [0], [2, 4], [2], [4]]);
});
