import { asLayerslayerError, toErrorRecord } from '../../../base/errors.js';
import { Catalog } from '../../../catalog/catalog.js';
import type { EntryQuery } from '../../../catalog/search/entry-query.js';
import { searchLayers } from '../../../catalog/search/search-image.js';
import { uncomparedLayers } from '../../../image/opened-image.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { imageChoices } from '../../options/image-choices.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { Interruption } from '../../process/interruption.js';
import { LineWriter } from '../../terminal/output/line-writer.js';
import { ProgressDisplay } from '../../terminal/progress/progress.js';
import { UNVERIFIED, uncomparedLine } from '../../terminal/wording/uncompared.js';
import { FIND } from './declaration.js';
import { FindListing, type ListedImage } from './find-listing.js';
import { queryOf } from './query-options.js';

type FindValues = OptionValues<typeof FIND.options>;

/** What a search of some images works with. */
interface FindJob {
  query: EntryQuery;
  values: FindValues;
  context: CommandContext;
}

/** Nothing was found. (rule C59) */
const NOTHING = 1;

export const find: Command<typeof FIND.options> = {
  ...FIND,
  async run(values, [pattern, ...images], context) {
    const query = await queryOf(pattern!, values);
    if (values.layer !== undefined) parseLayer(values.layer);
    const job = { query, values, context };
    if (images.length === 0) return findInCache(job);
    const [first, ...others] = images;
    const work = (use: SessionUse) => findInImages(job, use, images);
    return withSession(first!, values, context, work, { others, readsLayers: true });
  },
};

function listingOf({ values, context }: FindJob, references: readonly string[], writer: LineWriter) {
  const imageWidth = Math.max(0, ...references.map(({ length }) => length));
  const form = values.print0 ? 'print0' : values.json ? 'json' : 'rows';
  const hasHeading = context.output.resultColumns !== undefined;
  return new FindListing({ form, imageWidth, hasHeading, writer });
}

/** Searches one image after the other: only one is in memory. */
async function findInImages(job: FindJob, use: SessionUse, words: readonly string[]): Promise<number> {
  const { display, signal, onProgress } = use;
  const wanted = job.values.layer === undefined ? [] : [parseLayer(job.values.layer)];
  const references = words.map((word) => imageArgument(word, job.context.cwd).reference);
  const writer = new LineWriter({ display, output: job.context.output, signal });
  const listing = listingOf(job, references, writer);
  let status: number | undefined; // of the first image that failed
  for (const [position, word] of words.entries()) {
    try {
      const image = position === 0 ? await use.open() : await use.openOther(word);
      try {
        const { reference, digest, platform, manifest } = image.resolved;
        const only = chooseLayers(image.resolved, wanted);
        const layers = await image.layers({ only, signal, onProgress });
        const uncompared = uncomparedLayers(layers);
        const listed = { reference, digest, platform, layers: manifest.layers };
        const wholeTree = async () => (await image.view({ only, signal })).tree;
        const entries = searchLayers(layers, job.query, { signal, wholeTree });
        await addImage({ listing, display, listed, uncompared }, entries);
      } finally {
        image.close();
      }
    } catch (error) {
      signal.throwIfAborted();
      await writer.flush();
      status ??= use.fail(error);
    }
  }
  await writer.flush();
  return status ?? (listing.count > 0 ? 0 : NOTHING);
}

/** Searches all images of the cache. */
async function findInCache(job: FindJob): Promise<number> {
  const { query, values, context } = job;
  const { output } = context;
  const { platform, cache, indexTrust, indexRepository } = imageChoices(values, context);
  const catalog = new Catalog(cache.directory, { trust: indexTrust, repository: indexRepository });
  const interruption = new Interruption();
  const signal = AbortSignal.any([interruption.signal, output.broken]);
  const display = new ProgressDisplay(output);
  output.stopWaitingOn(signal);
  const writer = new LineWriter({ display, output, signal });
  const listing = listingOf(
    job,
    catalog.images().map(({ reference }) => reference),
    writer,
  );
  try {
    const search = catalog.search(query, {
      signal,
      ...(values.platform !== undefined && { platform }),
      ...(values.layer !== undefined && { layer: parseLayer(values.layer) }),
    });
    let next = await search.next();
    for (; !next.done; next = await search.next()) {
      const { image, uncompared, entries } = next.value;
      await addImage({ listing, display, listed: image, uncompared }, entries);
    }
    await writer.flush();
    const { searched, incomplete } = next.value;
    if (incomplete > 0)
      display.warn(
        `${incomplete} of ${searched + incomplete} images are not fully indexed: name them to index them`,
      );
    else if (searched === 0) display.say('no image was opened yet: name one, to search and index it');
    return listing.count > 0 ? 0 : NOTHING;
  } catch (error) {
    if (!signal.aborted) throw error;
    if (interruption.status === undefined) return 0; // without a reader: no failure
    output.error(toErrorRecord(asLayerslayerError(signal.reason)));
    return interruption.status;
  } finally {
    interruption.release();
  }
}

interface AddedImage {
  listing: FindListing;
  display: ProgressDisplay;
  listed: ListedImage;
  uncompared: readonly number[];
}

async function addImage(
  { listing, display, listed, uncompared }: AddedImage,
  entries: Parameters<FindListing['add']>[1],
): Promise<void> {
  const before = listing.count;
  await listing.add(listed, entries, uncompared.length > 0 ? UNVERIFIED : {});
  if (uncompared.length > 0 && listing.count > before)
    display.warn(`${listed.reference}: ${uncomparedLine(uncompared)}`);
}
