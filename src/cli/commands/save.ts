import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fsPath } from '../../base/raw-text.js';
import type { Digest } from '../../oci/digest.js';
import { LayoutWriter } from '../../save/layout-writer.js';
import { makeOutputDirectory } from '../../save/make-output-directory.js';
import type { SaveOutcome, SaveTarget } from '../../save/saved-blob.js';
import type { ResolvedImage } from '../../source/image-source.js';
import type { Command, CommandContext } from '../command.js';
import { EXIT_STATUS } from '../exit-status.js';
import { imageName } from '../image-name.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../image-options.js';
import { type SessionUse, withSession } from '../image-session-command.js';
import { chooseLayers, parseLayer } from '../layer-choice.js';
import type { OptionTable, OptionValues } from '../option-table.js';
import { SAVING } from '../progress.js';
import { savedLine, saveFault, saveRecord, summaryLine } from '../save-results.js';
import { usageError } from '../usage-error.js';

const DEFAULT_DIRECTORY = 'downloads';

const OPTIONS = {
  layer: { kind: 'list', value: 'N|DIGEST', summary: 'only this layer; may be repeated' },
  output: {
    kind: 'text',
    short: 'o',
    value: 'DIR',
    summary: 'where to save',
    default: `./${DEFAULT_DIRECTORY}`,
  },
  format: { kind: 'pair', value: 'oci DIR', summary: 'the whole image, into an OCI layout' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

type SaveValues = OptionValues<typeof OPTIONS>;

export const save: Command<typeof OPTIONS> = {
  name: 'save',
  summary: 'download layers, checked and resumable',
  synopsis: 'save [OPTIONS] IMAGE',
  description:
    'Saves the layers of IMAGE as they are to DIR/<repository>/<tag>/sha256_<hex>.tar.gz (.tar, .tar.zst …: by their\n' +
    'bytes), a few at a time. Each is checked against its digest before it gets that name; one that is there is\n' +
    'skipped, and what an interrupted save has left (.partial) is gone on with. --format oci makes, or adds the image\n' +
    'to, an OCI layout that skopeo and umoci read.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE' },
  examples: [
    'layerslayer save --layer 1 --layer 3 nginx:alpine',
    'layerslayer save nginx:alpine --format oci nginx',
  ],
  failures: IMAGE_FAILURES,
  run(values, [name], context) {
    const wanted = values.layer.map(parseLayer);
    const directory = layoutDirectory(values);
    checkDirectoryName(directory ?? values.output ?? DEFAULT_DIRECTORY, context.cwd);
    const work = async (use: SessionUse) => {
      const { resolved: image } = await use.open();
      if (directory !== undefined) return saveLayout(image, directory, use, context);
      const only = chooseLayers(image, wanted);
      return saveFiles(image, only, values.output ?? DEFAULT_DIRECTORY, use, context);
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

/** Of `--format oci DIR`. @throws LayerslayerError INVALID_ARGUMENT */
function layoutDirectory({ format, layer, output }: SaveValues): string | undefined {
  if (format === undefined) return undefined;
  const [kind, directory] = format;
  if (kind !== 'oci') throw usageError(`--format ${kind} is not known: want --format oci DIR`);
  if (directory === '') throw usageError('--format oci wants a DIR');
  if (layer.length > 0) throw usageError('--format oci takes the whole image: it excludes --layer');
  if (output !== undefined) throw usageError('--format oci says where to save: it excludes --output');
  return directory;
}

async function saveFiles(
  image: ResolvedImage,
  only: readonly number[],
  output: string,
  use: SessionUse,
  context: CommandContext,
): Promise<number> {
  const { repository, tag } = imageName(image.reference);
  const place = join(output, repository, tag);
  const directory = resolve(context.cwd, place);
  makeOutputDirectory(directory);
  const target = (digest: Digest): SaveTarget => {
    const stem = join(directory, digest.replace(':', '_'));
    return { partial: `${stem}.partial`, stem, suffixed: true };
  };
  const { outcomes, status } = await saveAll(image, only, target, use, context);
  showSummary(image, outcomes, place, use, context);
  return status;
}

async function saveLayout(
  image: ResolvedImage,
  directory: string,
  use: SessionUse,
  context: CommandContext,
): Promise<number> {
  const onUnlocked = (reason: string) =>
    use.display.say(`warning: ${reason}: a concurrent save to this layout may be lost`);
  const layout = await LayoutWriter.open(resolve(context.cwd, directory), onUnlocked, use.signal);
  const all = chooseLayers(image, []);
  const { outcomes, status } = await saveAll(image, all, (digest) => layout.target(digest), use, context);
  if (status !== 0) return status;
  const { tag } = imageName(image.reference);
  const digest = await layout.add(image, await use.session.documents(image, use.signal), tag, use.signal);
  if (digest !== image.digest)
    use.display.say(`its manifest is docker's: written anew for OCI, as ${digest}`);
  showSummary(image, outcomes, `oci:${directory}:${tag}`, use, context);
  return 0;
}

/** @returns also the status of the first layer that failed, base first */
async function saveAll(
  image: ResolvedImage,
  only: readonly number[],
  target: (digest: Digest) => SaveTarget,
  { session, signal, onProgress, display, fail }: SessionUse,
  { output, cwd }: CommandContext,
): Promise<{ outcomes: SaveOutcome[]; status: number }> {
  const onEnded = (outcome: SaveOutcome) => {
    const fault = saveFault(outcome);
    if (fault) fail(fault);
    else if (!output.choices.json && 'path' in outcome.result)
      display.done(savedLine(outcome, outcome.result, { layers: image.manifest.layers.length, cwd }));
  };
  const outcomes = await session.saveLayers(image, target, { only, signal, onProgress, onEnded });
  const fault = outcomes.map(saveFault).find((one) => one !== undefined);
  return { outcomes, status: fault ? EXIT_STATUS[fault.code] : 0 };
}

function showSummary(
  image: ResolvedImage,
  outcomes: readonly SaveOutcome[],
  place: string,
  { session, display }: SessionUse,
  { output, startedMs }: CommandContext,
): void {
  const elapsedMs = performance.now() - startedMs;
  const summary = { image, outcomes, place, bytesFetched: session.metrics().bytesFetched, elapsedMs };
  if (output.choices.json) display.json(saveRecord(summary), 2);
  else display.done(summaryLine(summary));
}
