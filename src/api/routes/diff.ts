import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { compareViews } from '../../image/compare/compare-views.js';
import { configDifferences } from '../../image/compare/config-differences.js';
import type { ImageView } from '../../image/opened-image.js';
import { changeOf, configRecord, differenceRecord } from '../../image/records/difference-record.js';
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

/** Names of the trees that are compared between two turns of the event loop. */
const ROWS_AT_ONCE = 200;

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
        return { kind: 'lines', lines: lines({ from, to, fromView, toView }, call) };
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

/** @throws LayerslayerError as `compareViews`; the signal's reason */
async function* lines(
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
  const comparison = await compareViews(sides.from, sides.to, { path, times, signal });
  const total = { added: 0, removed: 0, changed: 0, errors: 0 };
  let count = 0;
  for (const difference of comparison.differences) {
    const change = changeOf(difference);
    total[change === 'error' ? 'errors' : change]++;
    const names = { from: one.reference, to: other.reference };
    const text = content ? await comparison.content(difference, names) : undefined;
    yield differenceRecord(difference, sides, doubt, text);
    if (++count % ROWS_AT_ONCE > 0) continue;
    await nextTurn();
    signal.throwIfAborted();
  }
  yield { total };
}
