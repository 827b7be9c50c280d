import { join, resolve } from 'node:path';
import type { Digest } from '../../../oci/digest.js';
import { LayoutWriter, makeOutputDirectory } from '../../../save/layout-writer.js';
import type { SaveOutcome, SaveTarget } from '../../../save/saved-blob.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import { EXIT_STATUS } from '../../process/exit-status.js';
import { SAVING } from '../../terminal/progress/progress-words.js';
import { SAVE } from './declaration.js';
import { imageName } from './image-name.js';
import { saveDestination } from './save-destination.js';
import { type SaveSummary, savedLine, saveFault, saveRecord, summaryLine } from './save-results.js';

export const save: Command<typeof SAVE.options> = {
  ...SAVE,
  run(values, [name], context) {
    const wanted = values.layer.map(parseLayer);
    const destination = saveDestination(values, context);
    const work = async (use: SessionUse) => {
      if (destination.kind === 'archive' || destination.kind === 'stream') {
        const { saveArchive } = await import('./save-archive.js'); // with tar-stream
        const saved = await saveArchive(destination, use, context);
        showSummary({ use, context }, saved, saved.isStream);
        return 0;
      }
      const { resolved: image } = await use.open();
      const job = { image, use, context };
      if (destination.kind === 'layout') return saveLayout(job, destination.directory);
      return saveFiles(job, chooseLayers(image, wanted), destination.directory);
    };
    // A reader of stdout that ends has no use for the rest of an archive.
    const outlivesReader = destination.kind !== 'stream';
    return withSession(name!, values, context, work, { words: SAVING, outlivesReader });
  },
};

interface SaveJob {
  image: ResolvedImage;
  use: SessionUse;
  context: CommandContext;
}

async function saveFiles(job: SaveJob, only: readonly number[], output: string): Promise<number> {
  const { repository, tag } = imageName(job.image.reference);
  const place = join(output, repository, tag);
  const directory = resolve(job.context.cwd, place);
  makeOutputDirectory(directory);
  const { outcomes, status } = await saveAll(job, only, (digest) => {
    const stem = join(directory, digest.replace(':', '_'));
    return { partial: `${stem}.partial`, stem, suffixed: true };
  });
  showSummary(job, { image: job.image, outcomes, place });
  return status;
}

async function saveLayout(job: SaveJob, directory: string): Promise<number> {
  const { image, use, context } = job;
  const { display, signal } = use;
  const onUnlocked = (reason: string) =>
    display.say(`warning: ${reason}: a concurrent save to this layout may be lost`);
  const layout = await LayoutWriter.open(resolve(context.cwd, directory), onUnlocked, signal);
  const { outcomes, status } = await saveAll(job, undefined, (digest) => layout.target(digest));
  if (status !== 0) return status;
  const { tag } = imageName(image.reference);
  const digest = await layout.add(image, await use.session.documents(image, signal), tag, signal);
  if (digest !== image.digest) display.say(`its manifest is docker's: converted to OCI, as ${digest}`);
  showSummary(job, { image, outcomes, place: `oci:${directory}:${tag}` });
  return 0;
}

/** @returns also the status of the first layer that failed, base first */
async function saveAll(
  { image, use, context }: SaveJob,
  only: readonly number[] | undefined,
  target: (digest: Digest) => SaveTarget,
): Promise<{ outcomes: SaveOutcome[]; status: number }> {
  const { session, signal, onProgress, display, fail } = use;
  const onEnded = (outcome: SaveOutcome) => {
    const fault = saveFault(outcome);
    const of = { layers: image.manifest.layers.length, cwd: context.cwd };
    if (fault) fail(fault);
    else if (!context.output.choices.json && 'path' in outcome.result)
      display.done(savedLine(outcome, outcome.result, of));
  };
  const outcomes = await session.saveLayers(image, target, { only, signal, onProgress, onEnded });
  const fault = outcomes.map(saveFault).find((one) => one !== undefined);
  return { outcomes, status: fault ? EXIT_STATUS[fault.code] : 0 };
}

function showSummary(
  { use, context }: Pick<SaveJob, 'use' | 'context'>,
  saved: Pick<SaveSummary, 'image' | 'outcomes' | 'place'>,
  isOnStdout = false,
): void {
  const { bytesFetched } = use.session.metrics();
  const elapsedMs = performance.now() - context.startedMs;
  const summary = { ...saved, bytesFetched, elapsedMs };
  if (isOnStdout) use.display.say(summaryLine(summary));
  else if (context.output.choices.json) use.display.json(saveRecord(summary), 2);
  else use.display.done(summaryLine(summary));
}
