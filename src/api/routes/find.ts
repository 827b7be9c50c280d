import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { parseFilter } from '../../catalog/query/filter-text.js';
import { formatPlatform, parsePlatform } from '../../oci/platform.js';
import { checkAcceptsLines } from '../answers/accepted-form.js';
import { doubtOf } from '../answers/entries.js';
import { layerWord, type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Reply, type Route, route } from '../routing/route.js';
import { FLAG_PARAMETER, IMAGE_PARAMETERS, LAYER_PARAMETER, WAIT_PARAMETER } from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import { FIND_LINE } from '../schemas/results.js';
import type { ServerState } from '../server-state.js';
import { checkShowsLocal } from './local.js';

const TEXT = z.string().max(256).optional();

const QUERY = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(4_096)
    .openapi({ description: 'of names, or of whole paths if it has a slash', example: '*.pem' }),
  image: IMAGE_PARAMETERS.image.optional().openapi({ description: 'default: all images of the cache' }),
  platform: IMAGE_PARAMETERS.platform,
  layer: LAYER_PARAMETER,
  regex: FLAG_PARAMETER.openapi({ description: 'pattern is a regular expression of RE2' }),
  ignoreCase: FLAG_PARAMETER,
  size: TEXT.openapi({ description: 'of files', example: '10M..20M' }),
  mode: TEXT.openapi({ description: 'any of these bits', example: 'u+s' }),
  kind: TEXT.openapi({ description: 'one or more', example: 'file,symlink' }),
  newer: TEXT.openapi({ description: 'changed after', example: '2026-11-21' }),
  deleted: FLAG_PARAMETER.openapi({ description: 'only what upper layers hide' }),
  wait: WAIT_PARAMETER,
});

type FindQuery = z.output<typeof QUERY>;

export function findRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/find',
      summary: 'entries of an image, or of all images of the cache; the last line says what was searched',
      query: QUERY,
      answers: {
        200: { description: 'lines', content: [{ mediaType: 'application/x-ndjson', schema: FIND_LINE }] },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      async handle(call) {
        checkAcceptsLines(call.header('accept'));
        const { query } = call;
        if (query.deleted && query.layer !== undefined)
          throw new LayerslayerError(
            'INVALID_ARGUMENT',
            'a layer hides nothing of its own: deleted or layer',
          );
        parseFilter(query); // before anything is fetched
        const { image } = query;
        if (image === undefined) return findInCache(state, call);
        const imageCall = { ...call, query: { ...query, image } };
        return withView(state, imageCall, (viewed) => findInImage(state, viewed, call));
      },
    }),
  ];
}

function findInImage(
  { analyses }: ServerState,
  { view, lease }: ViewedImage,
  { query, signal }: Call<FindQuery>,
): Reply {
  const { reference, digest, platform } = lease.opened.resolved;
  const image = { reference, digest, platform: formatPlatform(platform) };
  const question = { ...questionOf(query), image, doubt: doubtOf(view) };
  return { kind: 'lines', lines: analyses.find(view, question, signal) };
}

async function findInCache(state: ServerState, { query, signal }: Call<FindQuery>): Promise<Reply> {
  checkShowsLocal(state);
  await state.images.writeRecords();
  const question = {
    ...questionOf(query),
    directory: state.cacheDirectory,
    sources: state.indexSources,
    platform: query.platform === undefined ? undefined : parsePlatform(query.platform),
    layer: query.layer === undefined ? undefined : layerWord(query.layer),
  };
  return { kind: 'lines', lines: state.analyses.findInCache(question, signal) };
}

function questionOf({ pattern, regex, ignoreCase, deleted, kind, size, mode, newer }: FindQuery) {
  return { pattern, regex, ignoreCase, deleted, filter: { kind, size, mode, newer } };
}
