import { asLayerslayerError, withContext } from '../../../base/errors.js';
import type { LayerProgress } from '../../../engine/image-session.js';
import type { OpenedImage } from '../../../image/opened-image.js';
import type { PublishedIndex, PublishPlace } from '../../../publish/publication.js';
import type { RegistryOptions } from '../../../registry/registry-options.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { readRegistryOptions } from '../../options/credentials.js';
import { imageChoices } from '../../options/image-choices.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { reportFault } from '../../run-command.js';
import { countText } from '../../terminal/wording/size.js';
import { hasNoImage, hasNoTar, taggedAs } from './attachment-tags.js';
import { INDEX } from './declaration.js';
import { imageWords, STDIN_WORD } from './image-words.js';
import {
  artifactsRecord,
  artifactTable,
  type IndexState,
  indexLine,
  indexRecord,
  skippedLine,
  skippedRecord,
} from './index-results.js';
import { refuseMistakenVerb } from './mistaken-verb.js';

type IndexValues = OptionValues<typeof INDEX.options>;

export const index: Command<typeof INDEX.options> = {
  ...INDEX,
  run(values, words, context) {
    const [first, ...rest] = words;
    const { indexRepository } = imageChoices(values, context);
    const place: PublishPlace =
      indexRepository === undefined
        ? { kind: 'referrer' }
        : { kind: 'repository', repository: indexRepository };
    if (first === 'ls' || first === 'rm') return showPublished(first, rest, values, context, place);
    refuseMistakenVerb(words);
    return makeIndexes(words, values, context, place);
  },
};

/** `index ls IMAGE` and `index rm IMAGE`. */
function showPublished(
  action: 'ls' | 'rm',
  words: readonly string[],
  values: IndexValues,
  context: CommandContext,
  place: PublishPlace,
): Promise<number> {
  const [name] = words;
  if (name === undefined || words.length > 1) throw usageError(`index ${action} wants one IMAGE`);
  for (const option of ['push', 'if-missing'] as const)
    if (values[option]) throw usageError(`--${option} is not for index ${action}`);
  return withSession(name, values, context, async ({ session, resolve, signal, display }) => {
    const image = await resolve();
    const artifacts = await (action === 'ls'
      ? session.published.list(image, place, signal)
      : session.published.remove(image, place, signal));
    if (values.json) display.json(artifactsRecord(image, artifacts), 2);
    else if (action === 'ls') display.result(artifactTable(image, artifacts));
    else display.done(`${image.reference}: ${countText(artifacts.length, 'manifest')} removed`);
    return 0;
  });
}

/** What the images of one command share. */
interface IndexJob {
  values: IndexValues;
  context: CommandContext;
  place: PublishPlace;
  /** Published for images before: the same files are mounted from there. */
  published: PublishedIndex[];
}

/** Indexes published before that later images may mount. */
const REMEMBERED_MAX = 10_000;

async function makeIndexes(
  words: readonly string[],
  values: IndexValues,
  context: CommandContext,
  place: PublishPlace,
): Promise<number> {
  const readsStdin = words.includes(STDIN_WORD);
  if (readsStdin && values['password-stdin']) throw usageError('- and --password-stdin both read stdin');
  const { cache } = imageChoices(values, context);
  if (values.push && cache.capBytes === 0) throw usageError('--push needs a cache: --cache-size is 0');
  for (const word of words) if (word !== STDIN_WORD) imageArgument(word, context.cwd);
  const registry = readRegistryOptions(values, context.cwd);
  const job: IndexJob = { values, context, place, published: [] };
  const isAlone = words.length === 1 && !readsStdin;
  let status = 0;
  let { fetchThread } = context;
  for await (const word of imageWords(words)) {
    let reference = word;
    try {
      reference = imageArgument(word, context.cwd).reference;
      const stopped = await indexOne(job, word, registry, fetchThread);
      if (stopped !== 0) return stopped;
    } catch (error) {
      const isNamed = isAlone || asLayerslayerError(error).message.includes(reference);
      const named = isNamed ? error : withContext(error, word);
      const failed = reportFault(named, context.output);
      status ||= failed;
    }
    fetchThread = undefined; // the session before has ended it
  }
  return status;
}

/** @returns the status of a signal, else 0. Each image has a session: what it opened is closed. */
function indexOne(
  job: IndexJob,
  word: string,
  registry: RegistryOptions,
  fetchThread: CommandContext['fetchThread'],
): Promise<number> {
  const { fetchThread: _, ...context } = job.context;
  const own = { ...context, ...(fetchThread && { fetchThread }), startedMs: performance.now() };
  const work = (use: SessionUse) => indexImage(job, use, own.startedMs);
  return withSession(word, job.values, own, work, { outlivesReader: true, registry });
}

async function indexImage(job: IndexJob, use: SessionUse, startedMs: number): Promise<number> {
  const { values, place } = job;
  const { session, signal, display } = use;
  const opened = await openUnlessAttachment(job, use);
  if (opened === undefined) {
    if (values.json) display.json(skippedRecord(use.reference));
    else display.say(skippedLine(use.reference));
    return 0;
  }
  const image = opened.resolved;
  const ready = values['if-missing'] ? await publishedLayers(job, use, image) : new Set<number>();
  const only = image.manifest.layers.flatMap((_, i) => (ready.has(i + 1) ? [] : [i + 1]));
  const cached = new Set<number>();
  const onProgress = (progress: LayerProgress) => {
    if (progress.cached) cached.add(progress.layer);
    use.onProgress?.(progress);
  };
  if (only.length > 0) await opened.layers({ only, signal, onProgress, needsStates: true });
  const publication = values.push
    ? await session.published.publish(image, place, { known: job.published, signal })
    : undefined;
  job.published.push(...(publication?.artifacts ?? []).flatMap(({ indexes }) => indexes));
  job.published.splice(0, job.published.length - REMEMBERED_MAX);
  const states = image.manifest.layers.map((_, i): IndexState => {
    if (ready.has(i + 1)) return 'published';
    return cached.has(i + 1) ? 'cached' : 'indexed';
  });
  const { bytesFetched } = session.metrics();
  const summary = { image, states, publication, bytesFetched, elapsedMs: performance.now() - startedMs };
  if (values.json) display.json(indexRecord(summary));
  else display.done(indexLine(summary));
  return 0;
}

/**
 * Opens the image. A list of a repository's tags, as `crane ls` prints it, has those of lists of
 * referrers and signatures too, and must be usable as it is.
 * @returns undefined if the tag is such a one and has no image
 */
async function openUnlessAttachment({ values }: IndexJob, use: SessionUse): Promise<OpenedImage | undefined> {
  const tagged = taggedAs(use.reference);
  if (tagged === 'attachment') return undefined;
  try {
    // Published indexes prove nothing: others take our word that a pass made them.
    const opened = await use.open(values.push ? 'none' : undefined);
    return tagged === 'either' && hasNoTar(opened.resolved) ? undefined : opened;
  } catch (error) {
    if (tagged === 'either' && (await hasNoImage(error, use))) return undefined;
    throw error;
  }
}

/**
 * Returns the layers (from 1) whose published index makes an own pass needless. An artifact of the
 * image has all its layers, or else they are all published again.
 */
async function publishedLayers(
  { place }: IndexJob,
  { session, signal }: SessionUse,
  image: ResolvedImage,
): Promise<Set<number>> {
  const found = new Set((await session.published.find(image, place, signal)).map(({ layer }) => layer));
  const numbers = image.manifest.layers.flatMap(({ digest }, i) => (found.has(digest) ? [i + 1] : []));
  const isComplete = numbers.length === image.manifest.layers.length;
  return new Set(place.kind === 'repository' || isComplete ? numbers : []);
}
