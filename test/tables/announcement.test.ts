import { describe, expect, it } from 'vitest';
import { digestOf } from '#src/oci/digest.js';
import { announcedTables, hidesMarkers, type TableAnnouncement } from '#src/tables/announcement.js';
import { descriptorOf } from './samples.js';

const ONE = digestOf(Buffer.from('one'));
const TWO = digestOf(Buffer.from('two'));

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
const ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
const ESTARGZ = 'containerd.io/snapshot/stargz/toc.digest';
const chunked = (dialect: string, digest = ONE, position = '100:50:200:1') => ({
  [`io.${dialect}.zstd-chunked.manifest-checksum`]: digest,
  [`io.${dialect}.zstd-chunked.manifest-position`]: position,
});
const OLD = 'containers';
const NEW = 'github.containers';
const SPLIT = 'io.github.containers.zstd-chunked.tarsplit-position';
const SOCI = { 'com.amazon.soci.index-digest': TWO };

const table = { format: 'zstd:chunked', digest: ONE, offset: 100, length: 50, size: 200 };

/** The formats that a layer of 1,000 bytes announces. */
function announced(annotations: Record<string, string>, mediaType = ZSTD, manifest = {}): unknown[] {
  return announcedTables({ mediaType, size: 1000, annotations }, { annotations: manifest });
}

describe('tables that annotations announce', () => {
  it.each<[string, Record<string, string>, unknown[]]>([
    ['nothing', { title: 'a layer' }, []],
    ['an eStargz', { [ESTARGZ]: ONE }, [{ format: 'estargz', digest: ONE }]],
    ['the new dialect', chunked(NEW), [table]],
    ['the old dialect', chunked(OLD), [table]],
    [
      'a tar-split',
      { ...chunked(NEW), [SPLIT]: '160:40:900' },
      [{ ...table, tarSplit: { offset: 160, length: 40, size: 900 } }],
    ],
    ['a tar-split outside the layer', { ...chunked(NEW), [SPLIT]: '960:41:900' }, [table]],
    [
      'both dialects of one table',
      { ...chunked(NEW), ...chunked(OLD), [SPLIT]: '160:40:900' },
      [{ ...table, tarSplit: { offset: 160, length: 40, size: 900 } }],
    ],
    [
      "containerd's two digests of one table",
      { ...chunked(OLD), [ESTARGZ]: TWO },
      [
        { ...table, estargzDigest: TWO },
        { format: 'estargz', digest: TWO },
      ],
    ],
    ['an eStargz beside the new dialect', { ...chunked(NEW), [ESTARGZ]: TWO }, []],
    ['two dialects with two digests', { ...chunked(NEW), ...chunked(OLD, TWO) }, []],
    ['two dialects with two positions', { ...chunked(NEW), ...chunked(OLD, ONE, '99:50:200:1') }, []],
    ['two dialects, one past the layer', { ...chunked(NEW), ...chunked(OLD, TWO, '960:41:200:1') }, []],
    [
      'two dialects, one without a position',
      { ...chunked(NEW), 'io.containers.zstd-chunked.manifest-checksum': ONE },
      [],
    ],
    ['a digest that is none', { [ESTARGZ]: 'sha256:ab' }, []],
    ['a checksum without a position', { 'io.containers.zstd-chunked.manifest-checksum': ONE }, []],
    ['a position without a checksum', { 'io.containers.zstd-chunked.manifest-position': '100:50:200:1' }, []],
    ['another type of table', chunked(NEW, ONE, '100:50:200:2'), []],
    ['a position without a type', chunked(NEW, ONE, '100:50:200'), []],
    ['a table past the layer', chunked(NEW, ONE, '960:41:200:1'), []],
    ['a table before its frame', chunked(NEW, ONE, '7:50:200:1'), []],
    ['an empty table', chunked(NEW, ONE, '100:0:200:1'), []],
    ['a table of 151 MiB', chunked(NEW, ONE, `100:50:${151 * 1024 ** 2}:1`), []],
    ['a negative position', chunked(NEW, ONE, '-1:50:200:1'), []],
    ['a position past 2^53', chunked(NEW, ONE, '99999999999999999:50:200:1'), []],
  ])('%s', (_, annotations, wanted) => {
    expect(announced(annotations)).toEqual(wanted);
  });

  it('come in the order of what the media type says', () => {
    const both = { ...chunked(OLD), [ESTARGZ]: TWO };
    const formats = (mediaType: string) =>
      (announced(both, mediaType) as TableAnnouncement[]).map(({ format }) => format);
    expect(formats(ZSTD)).toEqual(['zstd:chunked', 'estargz']);
    expect(formats(GZIP)).toEqual(['estargz', 'zstd:chunked']);
  });

  it('include a SOCI index of the manifest, behind those in the layer', () => {
    const soci = { format: 'soci', index: TWO };
    expect(announced({}, GZIP, SOCI)).toEqual([soci]);
    expect(announced({ [ESTARGZ]: ONE }, GZIP, SOCI)).toEqual([{ format: 'estargz', digest: ONE }, soci]);
    expect(announced({ ...chunked(NEW), [ESTARGZ]: TWO }, GZIP, SOCI)).toEqual([]);
    expect(announced({}, GZIP, { 'com.amazon.soci.index-digest': 'latest' })).toEqual([]);
  });

  it('are found in layers of the published tools', () => {
    expect(announcedTables(descriptorOf('zstdchunked-new-1.end'), {})).toEqual([
      {
        format: 'zstd:chunked',
        digest: 'sha256:9a045a055335e5bbef556345883841515a8df23c1d540bf37f8f55583ee504fd',
        offset: 443_232,
        length: 4312,
        size: 16_271,
        tarSplit: { offset: 447_552, length: 6304, size: 156_694 },
      },
    ]);
    expect(announcedTables(descriptorOf('zstdchunked-old-1.end'), {})).toHaveLength(2);
    expect(announcedTables(descriptorOf('soci-2'), {})).toEqual([]);
  });
});

describe('marker entries', () => {
  const estargz = announced({ [ESTARGZ]: ONE }, GZIP) as TableAnnouncement[];
  const both = announced({ ...chunked(OLD), [ESTARGZ]: TWO }) as TableAnnouncement[];
  it.each<[string, TableAnnouncement[], string, boolean]>([
    ['an eStargz', estargz, 'gzip', true],
    ['an announced eStargz that is zstd', estargz, 'zstd', false],
    ['a plain tar that announces one', estargz, 'plain', false],
    ['zstd:chunked', both, 'zstd', true],
    ['an eStargz that also announces zstd:chunked', both, 'gzip', true],
    ['an ordinary layer', [], 'gzip', false],
    ['a layer with a zTOC', [{ format: 'soci', index: ONE }], 'gzip', false],
  ])('of %s', (_, tables, codec, wanted) => {
    expect(hidesMarkers(tables, codec)).toBe(wanted);
  });
});
