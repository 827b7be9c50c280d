import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { configDifferences } from '../../image/compare/config-differences.js';
import type { ImageView } from '../../image/opened-image.js';
import { configRecord } from '../../image/records/difference-record.js';
import { checkAcceptsLines } from '../answers/accepted-form.js';
import { doubtOf } from '../answers/entries.js';
import type { IndexPass } from '../images/index-pass.js';
import { type LeasedImage, leaseImage, pendingReply, waitMs } from '../images/with-view.js';
import { type Call, type Route, route } from '../routing/route.js';
import {
  FLAG_PARAMETER,
  IMAGE_PARAMETERS,
  LAYER_PARAMETER,
  PATH_PARAMETER,
  WAIT_PARAMETER,
} from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import { DIFFERENCE_LINE } from '../schemas/results.js';
import type { ServerState } from '../server-state.js';

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  other: IMAGE_PARAMETERS.image.openapi({ description: 'the image that it is compared with' }),
  otherPlatform: IMAGE_PARAMETERS.platform.openapi({ description: 'default: platform' }),
  layer: LAYER_PARAMETER,
  otherLayer: LAYER_PARAMETER.openapi({ description: 'of the other image; default: layer' }),
  path: PATH_PARAMETER.optional().openapi({ description: 'what is compared, with all below it' }),
  times: FLAG_PARAMETER.openapi({ description: 'modification times count' }),
  content: FLAG_PARAMETER.openapi({ description: 'with unified diffs of text files up to 1 MiB' }),
  wait: WAIT_PARAMETER,
});

type DiffQuery = z.output<typeof QUERY>;

export function diffRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/diff',
      summary: 'what another image has added, removed and changed; the last line is the total',
      query: QUERY,
      answers: {
        200: {
          description: 'lines: config and build steps, then paths by name',
          content: [{ mediaType: 'application/x-ndjson', schema: DIFFERENCE_LINE }],
        },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      async handle(call) {
        checkAcceptsLines(call.header('accept'));
        const { query, signal } = call;
        const { layer, otherLayer = layer } = query;
        if ((layer === undefined) !== (otherLayer === undefined))
          throw new LayerslayerError('INVALID_ARGUMENT', 'otherLayer needs layer');
        const otherQuery = {
          image: query.other,
          platform: query.otherPlatform ?? query.platform,
          layer: otherLayer,
        };
        const [from, to] = await Promise.all([
          leaseImage(state, call),
          leaseImage(state, { ...call, query: otherQuery }),
        ]);
        // Both passes at once: layers that the images share are indexed once all the same.
        const [fromView, toView] = await Promise.all(
          [from, to].map((leased) => passOf(leased).view(waitMs(query), signal)),
        );
        if (!fromView) return pendingReply(passOf(from), from.lease);
        if (!toView) return pendingReply(passOf(to), to.lease);
        return { kind: 'lines', lines: lines(state, { from, to, fromView, toView }, call) };
      },
    }),
  ];
}

function passOf({ lease, layer }: LeasedImage): IndexPass {
  return layer === undefined ? lease.pass : lease.layerPass(layer);
}

interface ComparedImages {
  from: LeasedImage;
  to: LeasedImage;
  fromView: ImageView;
  toView: ImageView;
}

/** @throws LayerslayerError as `Analyses.diff`; the signal's reason */
async function* lines(
  { analyses }: ServerState,
  { from, to, fromView, toView }: ComparedImages,
  { query, signal }: Call<DiffQuery>,
): AsyncGenerator<object, void, undefined> {
  const { path, times, content } = query;
  const [one, other] = [from.lease.opened.resolved, to.lease.opened.resolved];
  const isWhole = path === undefined && from.layer === undefined;
  for (const difference of isWhole ? configDifferences(one, other, { times }) : [])
    yield configRecord(difference);
  const sides = {
    from: { view: fromView, name: one.reference },
    to: { view: toView, name: other.reference },
  };
  const doubt = { ...doubtOf(fromView), ...doubtOf(toView) };
  yield* analyses.diff(sides, { path, times, content, doubt }, signal);
}
