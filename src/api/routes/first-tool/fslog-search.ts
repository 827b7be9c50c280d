import { z } from '@hono/zod-openapi';
import { printable } from '../../../base/text/printable.js';
import { bytesOfText, textOfBytes } from '../../../base/text/raw-text.js';
import { listedEntry } from '../../../image/records/entry-record.js';
import type { EntryTable } from '../../../index/entry-table.js';
import type { ImageLease } from '../../images/served-images.js';
import { type Route, route } from '../../routing/route.js';
import type { ServerState } from '../../server-state.js';
import { checkShowsLocal } from '../local.js';
import { paddedLine } from './fslog.js';
import { IndexedLayers, imageName, splitReference } from './indexed-layers.js';
import { likeMatcher } from './like-pattern.js';
import { doubtLine, indexedLayer, lease } from './open-image.js';
import { layerNumber, OLD_IMAGE, OLD_LAYER, textAnswer } from './parameters.js';
import { pathOf } from './peek.js';
import { blocksOf, type TextBlocks, textReply } from './text-reply.js';

/** Characters of what is searched for. */
const QUERY_MAX = 256;

export function fslogSearchRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/fslog-search',
      summary: 'the first tool’s search for names, in each layer of an image, or of all that are indexed',
      query: z.object({
        q: z
          .string()
          .min(1)
          .max(QUERY_MAX)
          .openapi({ description: 'part of a path, in any case; % is any text, _ any character' }),
        image: OLD_IMAGE.image.optional(),
        platform: OLD_IMAGE.platform,
        layer: OLD_LAYER.optional(),
      }),
      answers: { 200: textAnswer('a line a hit: [owner/repo:tag layer N] comes after it') },
      async handle(call) {
        const { q, image, platform, layer } = call.query;
        const matches = likeMatcher(q);
        if (image === undefined) {
          checkShowsLocal(state);
          await state.images.writeRecords();
          return textReply(
            searchCache(
              new IndexedLayers(state.cacheDirectory, state.indexSources),
              layer,
              matches,
              call.signal,
            ),
          );
        }
        const leased = await lease(state, state.rules.asked(image, platform), call);
        const { resolved } = leased.opened;
        const numbers =
          layer === undefined
            ? resolved.manifest.layers.map((_, i) => i + 1)
            : [layerNumber(resolved, layer)];
        return textReply(searchImage(leased, numbers, matches, call.signal));
      },
    }),
  ];
}

type Matcher = (path: string) => boolean;

/** Layers without an index get one. */
async function* searchImage(
  leased: ImageLease,
  numbers: readonly number[],
  matches: Matcher,
  signal: AbortSignal,
): TextBlocks {
  const name = imageName(splitReference(leased.opened.resolved.reference));
  for (const number of numbers) {
    const layer = await indexedLayer(leased, number, signal);
    yield* blocksOf(hits(layer.entries, matches, `${name} layer ${number - 1}`), signal);
    const doubt = doubtLine([layer]);
    if (doubt !== undefined) yield `${doubt}\n`;
  }
}

/** One layer at a time is in memory. */
async function* searchCache(
  indexed: IndexedLayers,
  layer: number | undefined,
  matches: Matcher,
  signal: AbortSignal,
): TextBlocks {
  const wanted = indexed.all().filter(({ idx }) => layer === undefined || idx === layer);
  const named = wanted.map((one) => ({ one, name: imageName(one) }));
  named.sort((a, b) => compareText(a.name, b.name) || a.one.idx - b.one.idx);
  for (const { one, name } of named) {
    signal.throwIfAborted();
    const entries = await indexed.entries(one);
    if (entries) yield* blocksOf(hits(entries, matches, `${name} layer ${one.idx}`), signal);
  }
}

/** Returns a line or undefined for each entry: the caller counts them all. */
function* hits(
  entries: EntryTable,
  matches: Matcher,
  where: string,
): Generator<string | undefined, void, undefined> {
  for (let row = 0; row < entries.length; row++) {
    const path = pathOf(entries, row);
    const isHit = matches(textOfBytes(path.subarray(1)));
    yield isHit ? `${paddedLine(listedEntry(entries, row), path)} [${printable(where)}]` : undefined;
  }
}

function compareText(a: string, b: string): number {
  return Buffer.compare(bytesOfText(a), bytesOfText(b));
}
