import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { checkAcceptsLines } from '../answers/accepted-form.js';
import { doubtOf } from '../answers/entries.js';
import { type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Reply, type Route, route } from '../routing/route.js';
import {
  FLAG_PARAMETER,
  IMAGE_PARAMETERS,
  LAYER_PARAMETER,
  numberParameter,
  PATH_PARAMETER,
  SORT_PARAMETER,
  WAIT_PARAMETER,
} from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import { USAGE_LINE } from '../schemas/results.js';
import type { ServerState } from '../server-state.js';

const DEPTH_MAX = 4_096;

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER.default('/').openapi({ description: 'or a pattern; with hidden also a deleted path' }),
  layer: LAYER_PARAMETER.openapi({ description: "one layer's own tree; with hidden: whose entries count" }),
  depth: numberParameter(0, DEPTH_MAX)
    .optional()
    .openapi({ description: 'names below the path; default: all; 0 with hidden: the sums by layer' }),
  files: FLAG_PARAMETER.openapi({ description: 'also lines of files' }),
  hidden: FLAG_PARAMETER.openapi({
    description: 'what upper layers hide: bytes that the image has for nothing',
  }),
  layers: FLAG_PARAMETER.openapi({ description: 'a line for each layer' }),
  sort: SORT_PARAMETER,
  wait: WAIT_PARAMETER,
});

type DuQuery = z.output<typeof QUERY>;

export function duRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/du',
      summary: 'sizes of directories, or what upper layers hide; the last line is the total',
      query: QUERY,
      answers: {
        200: {
          description: 'lines',
          content: [{ mediaType: 'application/x-ndjson', schema: USAGE_LINE }],
        },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      async handle(call) {
        checkAcceptsLines(call.header('accept'));
        const { query } = call;
        checkQuery(query);
        const options = { showsAll: query.hidden }; // `layer` says whose entries count
        return withView(state, call, (viewed) => answer(viewed, call), options);
      },
    }),
  ];

  function answer({ view, lease, layer }: ViewedImage, { query, signal }: Call<DuQuery>): Reply {
    const question = {
      path: query.path,
      depth: query.depth,
      files: query.files,
      order: query.sort,
      hidden: query.hidden,
      byLayer: query.layers,
      layer,
      steps: lease.opened.steps,
      where: layer === undefined || query.hidden ? undefined : `layer ${layer}`,
      doubt: doubtOf(view),
    };
    return { kind: 'lines', lines: state.analyses.usage(view, question, signal) };
  }
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function checkQuery({ layers, hidden, layer }: DuQuery): void {
  if (layers && hidden) throw wrong('layers or hidden: what is hidden is by layer');
  if (layers && layer !== undefined) throw wrong('layers or layer');
}

function wrong(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}
