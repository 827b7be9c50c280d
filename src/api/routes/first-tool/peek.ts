import { z } from '@hono/zod-openapi';
import { asLayerslayerError, type ErrorCode } from '../../../base/errors.js';
import { formatSize } from '../../../base/text/byte-size.js';
import { printable } from '../../../base/text/printable.js';
import { cleanPath } from '../../../image/paths/asked-path.js';
import { longLine } from '../../../image/records/entry-lines.js';
import { listedEntry } from '../../../image/records/entry-record.js';
import type { EntryTable } from '../../../index/entry-table.js';
import { dockerfileSteps, stepLine } from '../../../oci/dockerfile-step.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { ImageOffer, ResolvedImage } from '../../../source/image-source.js';
import { faultRecord } from '../../answers/http-status.js';
import type { ImageLease } from '../../images/served-images.js';
import { type Route, route } from '../../routing/route.js';
import { numberParameter } from '../../schemas/parameters.js';
import type { ServerState } from '../../server-state.js';
import { doubtLine, indexedLayer, lease, leaseByNumber } from './open-image.js';
import { layerNumber, OLD_FLAG, OLD_IMAGE, textAnswer } from './parameters.js';
import { PEEK_STATUS, peekStatus } from './peek-status.js';
import { blocksOf, type TextBlocks, textReply } from './text-reply.js';

/** Platforms that an image may have. */
const ARCH_MAX = 9_999;

/** Faults of one layer: the next ones can be listed. */
const LAYER_FAULTS = new Set<ErrorCode>(['CORRUPT_LAYER', 'UNSUPPORTED', 'DIGEST_MISMATCH', 'NOT_FOUND']);

const LAYER = z
  .string()
  .regex(/^(?:all|\d{1,4})$/, 'want all, or a number from 0')
  .default('all')
  .openapi({ description: 'all, or a layer from 0' });

const STATUS_ANSWER = { mediaType: 'application/json', schema: PEEK_STATUS };

export function peekRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/peek',
      summary: 'the first tool’s listing of an image: platforms, build steps, and what each layer holds',
      query: z.object({
        ...OLD_IMAGE,
        layer: LAYER,
        arch: numberParameter(0, ARCH_MAX).default(0).openapi({
          description: 'number in the list of platforms, from 0; platform takes precedence',
        }),
        hide_build: OLD_FLAG,
        status_only: OLD_FLAG,
      }),
      answers: {
        200: {
          description: 'the listing, sent as each layer is read; with status_only as /peek/status',
          content: [...textAnswer('').content, STATUS_ANSWER],
        },
      },
      async handle(call) {
        const { image, platform, arch, layer, hide_build: hidesBuild, status_only: isStatus } = call.query;
        const { leased, offer } =
          platform === undefined
            ? await leaseByNumber(state, image, arch, call)
            : await leaseByPlatform(state, image, platform, call);
        if (isStatus) return await peekStatus(state, leased);
        const { resolved } = leased.opened;
        const numbers =
          layer === 'all'
            ? resolved.manifest.layers.map((_, i) => i + 1)
            : [layerNumber(resolved, Number(layer))];
        const head = headText(resolved, offer, hidesBuild);
        return textReply(listing(leased, head, numbers, call.signal));
      },
    }),
    route({
      path: '/peek/status',
      summary: 'which layers of an image are indexed',
      query: z.object({
        image: OLD_IMAGE.image,
        arch: z
          .string()
          .max(256)
          .default('amd64')
          .openapi({ description: '[OS/]ARCH[/VARIANT]', default: 'amd64' }),
      }),
      answers: { 200: { description: 'the layers', content: [STATUS_ANSWER] } },
      async handle(call) {
        const { image, arch } = call.query;
        return await peekStatus(state, await lease(state, state.rules.asked(image, arch), call));
      },
    }),
  ];
}

async function leaseByPlatform(
  state: ServerState,
  image: string,
  platform: string,
  call: Parameters<typeof lease>[2],
): Promise<{ leased: ImageLease; offer: ImageOffer }> {
  const asked = state.rules.asked(image, platform);
  const leased = await lease(state, asked, call);
  return { leased, offer: await leased.offer(call.signal) };
}

/** Platforms and build steps, as the first tool printed them. */
function headText({ config }: ResolvedImage, offer: ImageOffer, hidesBuild: boolean): string {
  const platforms = offer.images.map(({ platform }, i) => ` [${i}] ${printable(formatPlatform(platform))}`);
  const lines = ['Available platforms:', ...platforms];
  if (!hidesBuild) {
    const steps = dockerfileSteps(config.history).map((step, i) => ` [${i}] ${printable(stepLine(step))}`);
    lines.push('', 'Build steps:', ...steps);
  }
  return `${lines.join('\n')}\n`;
}

/** A layer that can't be read is named, and the next ones are listed. */
async function* listing(
  leased: ImageLease,
  head: string,
  numbers: readonly number[],
  signal: AbortSignal,
): TextBlocks {
  yield head;
  for (const number of numbers) {
    const { digest, size } = leased.opened.resolved.manifest.layers[number - 1]!;
    yield `\n[Layer ${number - 1}] ${digest}\n           Size: ${formatSize(size)}\n`;
    try {
      const layer = await indexedLayer(leased, number, signal);
      const doubt = doubtLine([layer]);
      if (doubt !== undefined) yield `${doubt}\n`;
      yield* blocksOf(entryLines(layer.entries), signal);
    } catch (error) {
      if (signal.aborted || !LAYER_FAULTS.has(asLayerslayerError(error).code)) throw error;
      const { code, message } = faultRecord(error);
      yield printable(`# ${code}: ${message}`).concat('\n');
    }
  }
}

/** Each entry as archived, with its path from the root. */
function* entryLines(entries: EntryTable): Generator<string, void, undefined> {
  for (let row = 0; row < entries.length; row++)
    yield `  ${longLine(listedEntry(entries, row), pathOf(entries, row))}`;
}

/** Returns an entry's path from the root, as `peek` lists it. */
export function pathOf(entries: EntryTable, row: number): Uint8Array {
  return cleanPath(entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row)));
}
