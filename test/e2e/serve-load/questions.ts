/** What the clients ask, and what the image's source says that the answer is. */
import { gunzipSync } from 'node:zlib';
import type { z } from '@hono/zod-openapi';
import { expect } from 'vitest';
import { LISTED_ENTRY, STAT, TREE_PAGE } from '#src/api/schemas/entry.js';
import { IMAGE } from '#src/api/schemas/image.js';
import { DIFFERENCE_LINE, FIND_LINE, USAGE_LINE } from '#src/api/schemas/results.js';
import type { PushedImage } from '../../support/registry.js';
import { readTar } from '../../support/tar-oracle.js';
import type { Answer, Asked } from './client.js';
import {
  LARGE_FILE,
  LAYERS,
  layerBytes,
  ODD_FILE,
  OTHER_LAYERS,
  parentsOf,
  type SourceFile,
  shownFiles,
} from './source-image.js';

export interface Question extends Asked {
  name: string;
  /** Compares an answer with the source. */
  check(answer: Answer): void | Promise<void>;
  /** The answer says what the server did so far: it is checked each time, and never the same. */
  isOfServer?: boolean;
}

const LINES = { Accept: 'application/x-ndjson' };
const PAGE_SIZE = 7;

const shown = shownFiles(LAYERS);
const listed = listing(shown);

/** @param image as clients name it @param other the one that it is compared with */
export function questionsAbout(image: string, other: string, pushed: PushedImage): Question[] {
  const of = (path: string, query: Record<string, string>) =>
    `/api/v1/${path}?${new URLSearchParams({ image, ...query })}`;
  const fileAt = (path: string) => of('file', { path });
  return [
    stat('a replaced file', of('stat', { path: '/srv/d03/f00.txt' }), '/srv/d03/f00.txt', [1, 2]),
    stat('an odd name', of('stat', { path: ODD_FILE }), ODD_FILE, [1]),
    {
      name: 'stat of a deleted file',
      target: of('stat', { path: '/srv/d11/f04.txt' }),
      check(answer) {
        const { entry, versions } = jsonOf(answer, STAT);
        expect(entry).toMatchObject({ path: '/srv/d11/f04.txt', state: 'deleted', layer: 1, hiddenBy: 2 });
        expect(versions.map(({ change }) => change)).toEqual(['added', 'removed']);
      },
    },
    {
      name: 'all of the tree as lines',
      target: of('tree', { depth: '100' }),
      headers: LINES,
      check: (answer) => expect(sizesOf(linesOf(answer, LISTED_ENTRY))).toEqual(listed),
    },
    page('the first page', of('tree', { path: '/srv/d05', limit: String(PAGE_SIZE) }), 0),
    {
      name: 'the directory of deleted files as lines',
      target: of('tree', { path: '/srv/d11', deleted: '1' }),
      headers: LINES,
      check(answer) {
        const entries = linesOf(answer, LISTED_ENTRY);
        const gone = [...LAYERS[0]!.files.keys()].filter((path) => path.startsWith('/srv/d11/'));
        expect(entries.map(({ path }) => path)).toEqual(gone.sort());
        expect(entries.every(({ hiddenBy }) => hiddenBy === 2)).toBe(true);
      },
    },
    whole('a file', fileAt('/srv/d07/f20.txt'), '/srv/d07/f20.txt'),
    whole('a file of an odd name', fileAt(ODD_FILE), ODD_FILE),
    range('the head of a file', fileAt(LARGE_FILE), 0, 99),
    range('the middle of a file', fileAt(LARGE_FILE), 7_000_001, 7_300_000),
    range('the end of a file', fileAt(LARGE_FILE), contentOf(LARGE_FILE).length - 5_000, undefined),
    whole('a file as text', of('file', { path: '/srv/d02/f11.txt', as: 'text' }), '/srv/d02/f11.txt'),
    {
      name: 'a file as compressed text',
      target: of('file', { path: '/srv/d02/f12.txt', as: 'text' }),
      headers: { 'Accept-Encoding': 'gzip' },
      check(answer) {
        expect(answer.headers['content-encoding']).toBe('gzip');
        expectBytes(gunzipSync(answer.body), contentOf('/srv/d02/f12.txt'));
      },
    },
    {
      name: 'find',
      target: of('find', { pattern: '*.conf' }),
      check(answer) {
        const paths = linesOf(answer, FIND_LINE).flatMap((line) => ('path' in line ? [line.path] : []));
        expect(paths.sort()).toEqual([...shown.keys()].filter((path) => path.endsWith('.conf')).sort());
      },
    },
    {
      name: 'du',
      target: of('du', { path: '/srv', depth: '1' }),
      check(answer) {
        const sums = new Map<string, number>();
        for (const [path, { content }] of shown)
          for (const parent of parentsOf(path))
            if (parent.startsWith('/srv')) sums.set(parent, (sums.get(parent) ?? 0) + content.length);
        const lines = linesOf(answer, USAGE_LINE);
        expect(new Map(lines.flatMap((line) => ('path' in line ? [[line.path, line.bytes]] : [])))).toEqual(
          sums,
        );
        expect(lines.at(-1)).toMatchObject({ total: { bytes: sums.get('/srv') } });
      },
    },
    { name: 'diff', target: of('diff', { other }), check: checkDifferences },
    {
      name: 'the image',
      target: of('image', {}),
      check(answer) {
        const { digest, layers } = jsonOf(answer, IMAGE);
        expect(digest).toBe(pushed.digest);
        expect(layers.map((layer) => layer.digest)).toEqual(
          pushed.manifest.layers.map((layer) => layer.digest),
        );
        expect(layers.every(({ indexed }) => indexed)).toBe(true);
      },
    },
    {
      name: 'a layer',
      target: `/api/v1/layers/${pushed.manifest.layers[1]!.digest}?${new URLSearchParams({ image })}`,
      check: ({ body }) => expectBytes(body, layerBytes(LAYERS[1]!)),
    },
    {
      name: 'a tar',
      target: of('tar', { path: '/srv/d04' }),
      async check(answer) {
        const members = (await readTar(answer.body)).filter(({ kind }) => kind === 'file');
        const files = [...shown].filter(([path]) => path.startsWith('/srv/d04/'));
        expect(new Map(members.map(({ path, content }) => [`/srv/${path}`, content]))).toEqual(
          new Map(files.map(([path, { content }]) => [path, content.toString('latin1')])),
        );
      },
    },
    {
      name: 'health',
      target: '/healthz',
      isOfServer: true,
      check: ({ body }) => expect(JSON.parse(body.toString())).toMatchObject({ status: 'ok' }),
    },
    {
      name: 'metrics',
      target: '/metrics',
      isOfServer: true,
      check: ({ body }) => expect(metric(body.toString(), 'open_answers')).toBeGreaterThanOrEqual(1),
    },
  ];
}

/** The page that follows the answer to a question for the first one. */
export function nextPage({ target }: Question, first: Answer): Question {
  const { next } = jsonOf(first, TREE_PAGE);
  return page('the second page', `${target}&${new URLSearchParams({ after: next! })}`, PAGE_SIZE);
}

/** The whole large file, which no buffer holds. */
export function largeFile(image: string): Question {
  const target = `/api/v1/file?${new URLSearchParams({ image, path: LARGE_FILE })}`;
  return whole('the large file', target, LARGE_FILE);
}

/** Returns a sample of the server's metrics, without its labels. */
export function metric(text: string, name: string): number {
  return Number(new RegExp(`^layerslayer_${name} (\\d+)$`, 'm').exec(text)![1]);
}

function stat(name: string, target: string, path: string, layers: readonly number[]): Question {
  return {
    name: `stat of ${name}`,
    target,
    check(answer) {
      const { entry, versions } = jsonOf(answer, STAT);
      const { content, layer } = shown.get(path)!;
      expect(entry).toMatchObject({ path, layer, size: content.length, state: 'live' });
      expect(versions.map((version) => version.layer)).toEqual(layers);
    },
  };
}

function page(name: string, target: string, from: number): Question {
  return {
    name,
    target,
    check(answer) {
      const inDirectory = [...listed].filter(([path]) => path.startsWith('/srv/d05/'));
      const expected = inDirectory.slice(from, from + PAGE_SIZE);
      expect(sizesOf(jsonOf(answer, TREE_PAGE).entries)).toEqual(new Map(expected));
    },
  };
}

function whole(name: string, target: string, path: string): Question {
  return { name, target, check: ({ body }) => expectBytes(body, contentOf(path)) };
}

/** @param last byte; undefined: to the end */
function range(name: string, target: string, first: number, last: number | undefined): Question {
  return {
    name,
    target,
    headers: { Range: `bytes=${first}-${last ?? ''}` },
    check({ status, headers, body }) {
      const content = contentOf(LARGE_FILE);
      expect(status).toBe(206);
      const end = last ?? content.length - 1;
      expect(headers['content-range']).toBe(`bytes ${first}-${end}/${content.length}`);
      expectBytes(body, content.subarray(first, end + 1));
    },
  };
}

function checkDifferences(answer: Answer): void {
  const otherFiles = shownFiles(OTHER_LAYERS);
  const others = listing(otherFiles);
  const isChanged = (path: string) => {
    const [one, another] = [shown.get(path), otherFiles.get(path)];
    return one !== undefined && another !== undefined && !one.content.equals(another.content);
  };
  const expected = {
    added: [...others.keys()].filter((path) => !listed.has(path)),
    removed: [...listed.keys()].filter((path) => !others.has(path)),
    changed: [...listed.keys()].filter(isChanged),
  };
  const found: Record<string, string[]> = { added: [], removed: [], changed: [] };
  for (const line of linesOf(answer, DIFFERENCE_LINE))
    if ('path' in line && line.path !== null) found[line.change]!.push(line.path);
  expect(found).toEqual(expected);
}

const contentOf = (path: string): Buffer => shown.get(path)!.content;

/** Sizes by path, parents first, in the order of the names' bytes. */
function listing(files: ReadonlyMap<string, SourceFile>): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [path, { content }] of files) {
    for (const parent of parentsOf(path)) sizes.set(parent, 0);
    sizes.set(path, content.length);
  }
  const inOrder = (a: string, b: string) =>
    Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0')));
  return new Map([...sizes].sort(([a], [b]) => inOrder(a, b)));
}

function sizesOf(entries: readonly { path: string; size: number }[]): Map<string, number> {
  return new Map(entries.map(({ path, size }) => [path, size]));
}

function jsonOf<S extends z.ZodType>({ body }: Answer, schema: S): z.output<S> {
  return schema.parse(JSON.parse(body.toString()));
}

function linesOf<S extends z.ZodType>({ body }: Answer, schema: S): z.output<S>[] {
  const lines = body.toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)));
}

function expectBytes(got: Buffer, wanted: Buffer): void {
  expect(got.length).toBe(wanted.length);
  expect(got.equals(wanted)).toBe(true);
}
