import { DeletionHints } from '../../../image/paths/deletion-hint.js';
import type { NumberedLayer } from '../../../overlay/tree.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { parseDepth } from '../../options/depth.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import { usageError } from '../../options/usage-error.js';
import { LineWriter } from '../../terminal/output/line-writer.js';
import { parseSize } from '../../terminal/wording/size.js';
import { PEEK } from './declaration.js';
import { ListedPaths } from './listed-paths.js';
import { type PeekJob, peekLayers } from './peek-layers.js';
import { PeekListing } from './peek-listing.js';
import { peekDeleted, peekMerged } from './peek-merged.js';

export const peek: Command<typeof PEEK.options> = {
  ...PEEK,
  run(values, [name, ...paths], context) {
    const { output } = context;
    const { merged, deleted, simple, json } = values;
    if (merged && deleted) throw usageError('--merged and --deleted exclude each other');
    if (merged && values.layer.length > 0) throw usageError('--merged and --layer exclude each other');
    if (values.head !== undefined && (merged || deleted))
      throw usageError('--head is for single layers: not with --merged or --deleted');
    const { sort } = values;
    if (values.head !== undefined && sort !== undefined)
      throw usageError('--sort needs whole layers: not with --head');
    if (simple && json) throw usageError('--simple and --json exclude each other');
    const headBytes = values.head === undefined ? undefined : parseSize(values.head);
    const chosen = values.layer.map(parseLayer);
    const listed = new ListedPaths(paths);
    const depth = parseDepth(values.depth);
    const form = json ? 'json' : simple ? 'simple' : 'long';
    const isListedAtOnce = !merged && !deleted && sort === undefined;
    const hidesProgress = isListedAtOnce && output.resultColumns !== undefined;

    const work = async (use: SessionUse) => {
      const image = await use.open();
      const numbers = chooseLayers(image.resolved, chosen);
      const only = chosen.length > 0 ? numbers : undefined;
      const writer = new LineWriter({ display: use.display, output, signal: use.signal });
      const listing = new PeekListing({ form, paths: listed, depth }, writer);
      let status = 0;
      const job: PeekJob = {
        ...use,
        image,
        listing,
        listed,
        headBytes,
        largestFirst: sort === 'size',
        note: (line) => use.display.warn(line),
        failed(error) {
          const failed = use.fail(error);
          status ||= failed;
        },
      };
      let stack: readonly NumberedLayer[] = [];
      if (merged) stack = await peekMerged(job);
      else if (deleted) await peekDeleted(job, only);
      else await peekLayers(job, numbers);
      const hints = new DeletionHints();
      // A layer that could not be read may have them. A path that hides nothing is no fault.
      if (status > 0 || deleted) return status;
      const where = only && `layer ${only.join(', ')}`;
      for (const error of listed.missing(where, (names) => hints.find(stack, names))) job.failed(error);
      return status;
    };
    return withSession(name!, values, context, work, { readsLayers: true, hidesProgress });
  },
};
