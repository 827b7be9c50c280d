import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { LayerIndexBuilder } from '#src/index/pass/layer-index-builder.js';
import { digestOf } from '#src/oci/digest.js';
import { TocRows } from '#src/tables/toc-rows.js';
import { sample } from './samples.js';

type Json = Record<string, unknown>;

const LAYER = digestOf(Buffer.from('layer'));
const BLOB_SIZE = 443_417;
const ALLOWANCE = { layer: 8_000_000, image: 2 ** 40 };

/** The entries of a real table. */
function realEntries(): Json[] {
  const tar = gunzipSync(sample('estargz-inner-1.end').subarray(0, -51));
  const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  return JSON.parse(tar.toString('utf8', 512, 512 + size)).entries;
}

const KEYS = [
  'name',
  'type',
  'size',
  'modtime',
  'linkName',
  'mode',
  'uid',
  'offset',
  'endOffset',
  'innerOffset',
  'chunkOffset',
  'chunkSize',
  'chunkDigest',
  'chunkType',
  'digest',
  'devMajor',
  'xattrs',
];

const value = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'reg',
    'chunk',
    'hardlink',
    'zeros',
    '../..',
    'a\0',
    LAYER,
    [],
    {},
  ),
  fc.constantFrom<unknown>(0, -1, 0.5, 90, 100_000, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, true),
  fc.nat(BLOB_SIZE),
  fc.jsonValue(),
);

const change = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: fc.nat(88), key: fc.constantFrom(...KEYS), value }),
  fc.record({ kind: fc.constantFrom('drop' as const, 'twice' as const), at: fc.nat(88) }),
  fc.record({ kind: fc.constant('swap' as const), at: fc.nat(87) }),
);

function changed(
  entries: Json[],
  changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[],
) {
  let list = entries;
  for (const one of changes) {
    const at = one.at % list.length;
    if (one.kind === 'set') list = list.with(at, { ...list[at], [one.key]: one.value });
    else if (one.kind === 'drop') list = list.toSpliced(at, 1);
    else if (one.kind === 'twice') list = list.toSpliced(at, 0, list[at]!);
    else list = list.toSpliced(at, 2, ...list.slice(at, at + 2).reverse());
  }
  return list;
}

describe('a table in which anything changes', () => {
  it('is refused with a code, or makes an index that its file can hold', async () => {
    const entries = realEntries();
    let accepted = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const used = new SharedArrayBuffer(4);
        const builder = new LayerIndexBuilder(LAYER, {
          blobSize: BLOB_SIZE,
          allowance: { ...ALLOWANCE, used },
        });
        const rows = new TocRows(builder);
        try {
          for (const json of changed(entries, changes)) rows.add(json);
          rows.chunks.endFile();
          const { bytes } = await builder.finish(rows.end('gzip', BLOB_SIZE, BLOB_SIZE));
          const index = decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length));
          expect(index.verification).toMatchObject({ kind: 'chunks' });
          accepted++;
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(CORRUPT_LAYER|UNSUPPORTED)$/) });
          refused++;
        } finally {
          builder.release();
        }
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(accepted, refused)).toBeGreaterThan(100);
  });
});
