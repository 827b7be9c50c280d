import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fsPath } from '../../../base/text/raw-text.js';
import type { Digest } from '../../../oci/digest.js';
import { LayoutWriter, makeOutputDirectory } from '../../../save/layout-writer.js';
import type { SaveOutcome, SaveTarget } from '../../../save/saved-blob.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { EXIT_STATUS } from '../../process/exit-status.js';
import { SAVING } from '../../terminal/progress.js';
import { SAVE } from './declaration.js';
import { imageName } from './image-name.js';
import { savedLine, saveFault, saveRecord, summaryLine } from './save-results.js';

const DEFAULT_DIRECTORY = SAVE.options.output.default;

type SaveValues = OptionValues<typeof SAVE.options>;

export const save: Command<typeof SAVE.options> = {
  ...SAVE,
  run(values, [name], context) {
    const wanted = values.layer.map(parseLayer);
    const directory = layoutDirectory(values);
    checkDirectoryName(directory ?? values.output ?? DEFAULT_DIRECTORY, context.cwd);
    const work = async (use: SessionUse) => {
      const { resolved: image } = await use.open();
      const job = { image, use, context };
      if (directory !== undefined) return saveLayout(job, directory);
      return saveFiles(job, chooseLayers(image, wanted), values.output ?? DEFAULT_DIRECTORY);
    };
    return withSession(name!, values, context, work, { words: SAVING, outlivesReader: true });
  },
};

/** `docker save -o x.tar` writes an archive, so users expect none of these to be a directory. */
const ARCHIVE_NAME = /^-$|\.(tar|tgz|tbz2?|txz|tzst)$|\.tar\.[a-z0-9]+$/i;

/** @throws LayerslayerError INVALID_ARGUMENT for an archive's name, unless a directory has it */
function checkDirectoryName(output: string, cwd: string): void {
  const path = fsPath(resolve(cwd, output));
  if (!ARCHIVE_NAME.test(output) || statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw usageError(
    `save writes a directory of layer files (a layout with --format oci DIR), not an archive: got ${output}`,
  );
}

/** Returns DIR of `--format oci DIR`. @throws LayerslayerError INVALID_ARGUMENT */
function layoutDirectory({ format, layer, output }: SaveValues): string | undefined {
  if (format === undefined) return undefined;
  const [kind, directory] = format;
  if (kind !== 'oci') throw usageError(`--format ${kind} is not known: want --format oci DIR`);
  if (directory === '') throw usageError('--format oci wants a DIR');
  if (layer.length > 0) throw usageError('--format oci takes the whole image: it excludes --layer');
  if (output !== undefined) throw usageError('--format oci says where to save: it excludes --output');
  return directory;
}

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
  showSummary(job, outcomes, place);
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
  showSummary(job, outcomes, `oci:${directory}:${tag}`);
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

function showSummary({ image, use, context }: SaveJob, outcomes: SaveOutcome[], place: string): void {
  const { bytesFetched } = use.session.metrics();
  const elapsedMs = performance.now() - context.startedMs;
  const summary = { image, outcomes, place, bytesFetched, elapsedMs };
  if (context.output.choices.json) use.display.json(saveRecord(summary), 2);
  else use.display.done(summaryLine(summary));
}
