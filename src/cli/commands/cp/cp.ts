import { CopyDestination } from '../../../carve/copy/copy-destination.js';
import { copyTree } from '../../../carve/copy/copy-tree.js';
import { TarStream } from '../../../carve/output/tar-stream.js';
import { TreeCarver } from '../../../carve/tree-carver.js';
import { uncomparedLayers } from '../../../image/opened-image.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import { usageError } from '../../options/usage-error.js';
import { copiedLine, copiedRecord } from '../../terminal/copied-tree.js';
import { countText } from '../../terminal/size.js';
import { warnUncompared } from '../../terminal/uncompared.js';
import { findSource } from './copy-source.js';
import { CP } from './declaration.js';

/** DEST that is a tar on stdout. */
const STDOUT = '-';

export const cp: Command<typeof CP.options> = {
  ...CP,
  run(values, [name, path, dest], context) {
    const { output, cwd, startedMs } = context;
    const toStdout = dest === STDOUT;
    if (toStdout && values.json) throw usageError('a tar on stdout and --json exclude each other');
    if (toStdout && output.resultColumns !== undefined)
      throw usageError('a terminal can not show a tar: DEST, or a pipe');
    const only = values.layer === undefined ? [] : [parseLayer(values.layer)];
    // Checked before anything is fetched.
    const destination = toStdout ? undefined : new CopyDestination(dest!, { cwd, force: values.force });

    const work = async (use: SessionUse) => {
      const { session, display, onProgress, signal } = use;
      const image = await use.open();
      const numbers = chooseLayers(image.resolved, only);
      const isOneOfSeveral = only.length > 0 && image.resolved.manifest.layers.length > 1;
      const where = isOneOfSeveral ? `layer ${numbers[0]}` : undefined;
      const view = await image.view({ only: numbers, signal, onProgress });
      const source = findSource(view, path!, { followsLink: values['follow-link'], where });
      let status = 0;
      const failed = (error: unknown) => {
        const of = use.fail(error);
        status ||= of;
      };

      if (!destination) {
        const tar = new TarStream((bytes) => output.bytes(bytes));
        const settled = () => output.flushed();
        const options = { tree: view.tree, layers: view.byNumber, target: tar, failed, settled, signal };
        await new TreeCarver(options).carve(source.inode, source.name ? [source.name] : []);
        tar.end();
        warnUncompared(view.layers, display);
        return status;
      }

      const place = destination.placeOf(source);
      const { inode, names } = source;
      const [force, keepsOwner] = [values.force, values.archive];
      const copied = await copyTree({ view, inode, names, place, force, keepsOwner, failed, signal });
      if (copied.lost > 0) {
        const lost = countText(copied.lost, 'extended attribute');
        display.warn(`${lost} not kept: ${copied.lossReason}`);
      }
      warnUncompared(view.layers, display);
      if (!copied.carved) return status;
      const summary = {
        image: image.resolved,
        path: joinPath(names),
        carved: copied.carved,
        output: copied.output,
        isVerified: uncomparedLayers(view.layers).length === 0,
        bytesFetched: session.metrics().bytesFetched,
        elapsedMs: performance.now() - startedMs,
      };
      if (values.json) display.json(copiedRecord(summary));
      else display.done(copiedLine(summary));
      return status;
    };
    return withSession(name!, values, context, work, {
      readsLayers: true,
      outlivesReader: !toStdout,
      ...(toStdout && { inflatingThreads: 1 }), // as `export`
    });
  },
};
