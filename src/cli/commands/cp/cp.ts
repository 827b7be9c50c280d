import { CopyDestination } from '../../../carve/copy/copy-destination.js';
import { copyToStream, copyTree } from '../../../carve/copy/copy-tree.js';
import { TarStream } from '../../../carve/output/tar-stream.js';
import { TreeCarver } from '../../../carve/tree-carver.js';
import type { ImageView, OpenedImage } from '../../../image/opened-image.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { showCopied } from '../../terminal/wording/copied-tree.js';
import { LimitedFaults } from '../../terminal/wording/limited-faults.js';
import { countText } from '../../terminal/wording/size.js';
import { warnUncompared } from '../../terminal/wording/uncompared.js';
import { type FoundSource, findSource } from './copy-source.js';
import { CP } from './declaration.js';

/** DEST that is a tar on stdout. */
const STDOUT = '-';

/** One `cp`, when PATH is found. */
interface CpJob {
  use: SessionUse;
  context: CommandContext;
  values: OptionValues<typeof CP.options>;
  image: OpenedImage;
  view: ImageView;
  source: FoundSource;
  failed(error: unknown): void;
}

export const cp: Command<typeof CP.options> = {
  ...CP,
  run(values, [name, path, dest], context) {
    const { output, cwd } = context;
    const toStdout = dest === STDOUT;
    if (toStdout && values.json) throw usageError('a tar on stdout and --json exclude each other');
    if (toStdout && output.resultColumns !== undefined)
      throw usageError('a terminal can not show a tar: DEST, or a pipe');
    const only = values.layer === undefined ? [] : [parseLayer(values.layer)];
    // Checked before anything is fetched.
    const destination = toStdout ? undefined : new CopyDestination(dest!, { cwd, force: values.force });

    const work = async (use: SessionUse) => {
      const { display, onProgress, signal } = use;
      const image = await use.open();
      const numbers = chooseLayers(image.resolved, only);
      const isOneOfSeveral = only.length > 0 && image.resolved.manifest.layers.length > 1;
      const where = isOneOfSeveral ? `layer ${numbers[0]}` : undefined;
      const view = await image.view({ only: numbers, signal, onProgress });
      const source = findSource(view, path!, { followsLink: values['follow-link'], where });
      let status = 0;
      const faults = new LimitedFaults(use, output);
      const failed = (error: unknown) => {
        const own = faults.fail(error);
        status ||= own;
      };
      const job = { use, context, values, image, view, source, failed };
      if (destination?.stream !== undefined && source.isFile)
        await copyToDevice(job, destination.stream, dest!);
      else if (destination) await copyToDisk(job, destination);
      else await copyToStdout(job);
      faults.end();
      warnUncompared(view.layers, display);
      return status;
    };
    return withSession(name!, values, context, work, {
      readsLayers: true,
      outlivesReader: !toStdout,
      ...(toStdout && { inflatingThreads: 1 }), // as `export`
    });
  },
};

async function copyToStdout({ use, context, view, source, failed }: CpJob): Promise<void> {
  const { output } = context;
  const tar = new TarStream((bytes) => output.bytes(bytes));
  const carver = new TreeCarver({
    tree: view.tree,
    layers: view.byNumber,
    target: tar,
    failed,
    settled: () => output.flushed(),
    signal: use.signal,
  });
  await carver.carve(source.inode, source.name ? [source.name] : []);
  tar.end();
}

async function copyToDevice(job: CpJob, path: string, output: string): Promise<void> {
  const { use, context, image, view, source, failed } = job;
  const { inode, names } = source;
  const carved = await copyToStream({ view, inode, failed, signal: use.signal }, path, output);
  const summary = { image, view, path: joinPath(names), output, isStream: true };
  if (carved) showCopied({ ...summary, carved }, use, context);
}

async function copyToDisk(job: CpJob, destination: CopyDestination): Promise<void> {
  const { use, context, values, image, view, source, failed } = job;
  const { inode, names } = source;
  const { carved, output, lost, lossReason } = await copyTree({
    view,
    inode,
    names,
    place: destination.placeOf(source),
    force: values.force,
    keepsOwner: values.archive,
    failed,
    signal: use.signal,
  });
  if (lost > 0) use.display.warn(`${countText(lost, 'extended attribute')} not kept: ${lossReason}`);
  if (carved) showCopied({ image, view, path: joinPath(names), carved, output }, use, context);
}
