import { z } from '@hono/zod-openapi';
import { printable } from '../../../base/text/printable.js';
import { type Route, route } from '../../routing/route.js';
import { numberParameter } from '../../schemas/parameters.js';
import type { ServerState } from '../../server-state.js';
import { checkShowsLocal } from '../local.js';
import { type IndexedLayer, IndexedLayers } from './indexed-layers.js';
import { likeMatcher } from './like-pattern.js';
import { textAnswer } from './parameters.js';

const PAGE_MAX = 999_999_999;
const PAGE_SIZE_MAX = 100;
const QUERY_MAX = 256;

/** What a table can be sorted by: the first tool's names. */
const SORT_KEYS = {
  scraped_at: ({ indexedMs }: IndexedLayer) => indexedMs,
  owner: ({ owner }: IndexedLayer) => owner,
  repo: ({ repo }: IndexedLayer) => repo,
  tag: ({ tag }: IndexedLayer) => tag,
  idx: ({ idx }: IndexedLayer) => idx,
  layer_size: ({ size }: IndexedLayer) => size,
} as const;

type SortKey = keyof typeof SORT_KEYS;

/** Widths and sides of the columns: the first tool's, but for the time, which has minutes here. */
const COLUMNS = [
  { heading: 'scraped_at', width: 16 },
  { heading: 'owner', width: 25 },
  { heading: 'repo', width: 25 },
  { heading: 'tag', width: 20 },
  { heading: 'idx', width: 4 },
  { heading: 'layer_size', width: 12, isRight: true },
];

export function historyRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/history',
      summary: 'the first tool’s table of layers whose index is cached',
      query: z.object({
        q: z
          .string()
          .max(QUERY_MAX)
          .default('')
          .openapi({ description: 'part of an owner, a repository or a tag' }),
        page: numberParameter(1, PAGE_MAX).default(1),
        page_size: numberParameter(1, PAGE_SIZE_MAX).default(30),
        sortby: z.enum(Object.keys(SORT_KEYS) as SortKey[]).default('scraped_at'),
        order: z.enum(['asc', 'desc']).default('desc'),
      }),
      answers: { 200: textAnswer('a table: time (UTC), owner, repository, tag, layer from 0, bytes') },
      async handle({ query: { q, page, page_size: pageSize, sortby, order } }) {
        checkShowsLocal(state);
        await state.images.writeRecords();
        const matches = likeMatcher(q);
        const rows = new IndexedLayers(state.cacheDirectory, state.indexSources)
          .all()
          .filter(({ owner, repo, tag }) => [owner, repo, tag].some(matches))
          .sort(byKey(sortby, order))
          .slice((page - 1) * pageSize, page * pageSize);
        return {
          kind: 'text',
          body: `${[HEADING, RULE, ...rows.map(rowText)].join('\n')}\n`,
          headers: { 'Cache-Control': 'no-store' },
        };
      },
    }),
  ];
}

/** Rows that are alike are sorted by image and layer, whatever the order. */
function byKey(key: SortKey, order: 'asc' | 'desc'): (a: IndexedLayer, b: IndexedLayer) => number {
  const sign = order === 'asc' ? 1 : -1;
  const rest = [SORT_KEYS.owner, SORT_KEYS.repo, SORT_KEYS.tag, SORT_KEYS.idx];
  return (a, b) => {
    const first = sign * compare(SORT_KEYS[key](a), SORT_KEYS[key](b));
    return rest.reduce((found, next) => found || compare(next(a), next(b)), first);
  };
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const HEADING = lineOf(COLUMNS.map(({ heading }) => heading));
const RULE = COLUMNS.map(({ width }) => '-'.repeat(width)).join('-+-');

function rowText({ indexedMs, owner, repo, tag, idx, size }: IndexedLayer): string {
  const time = new Date(indexedMs).toISOString().slice(0, 'YYYY-MM-DDThh:mm'.length).replace('T', ' ');
  return lineOf([time, owner, repo, tag, String(idx), String(size)]);
}

function lineOf(cells: readonly string[]): string {
  return COLUMNS.map(({ width, isRight }, i) => {
    const text = printable(cells[i]!);
    return isRight ? text.padStart(width) : text.padEnd(width);
  }).join(' | ');
}
