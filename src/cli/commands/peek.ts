import { DeletionHints } from '../../carve/search/deletion-hint.js';
import type { NumberedLayer } from '../../overlay/tree.js';
import type { Command } from '../command.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../image-options.js';
import { type SessionUse, withSession } from '../image-session-command.js';
import { chooseLayers, parseLayer } from '../layer-choice.js';
import { ListedPaths } from '../listed-paths.js';
import type { OptionTable } from '../option-table.js';
import { type PeekJob, peekLayers } from '../peek-layers.js';
import { PeekListing } from '../peek-listing.js';
import { peekDeleted, peekMerged } from '../peek-merged.js';
import { parseSize } from '../size.js';
import { usageError } from '../usage-error.js';

const OPTIONS = {
  layer: { kind: 'list', value: 'N|DIGEST', summary: 'only this layer; may be repeated' },
  simple: { kind: 'flag', summary: 'one name a line with its size' },
  merged: { kind: 'flag', summary: 'the merged tree, with the layer that each entry comes from' },
  deleted: { kind: 'flag', summary: 'what upper layers hide or replace, and how' },
  head: { kind: 'text', value: 'SIZE', summary: 'read only the first bytes of each layer' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const peek: Command<typeof OPTIONS> = {
  name: 'peek',
  summary: 'list what each layer holds, without saving it',
  synopsis: 'peek [OPTIONS] IMAGE [PATH...]',
  description:
    'Lists what the layers of IMAGE hold, base first, each entry as soon as it comes: type and permissions, owner, group,\n' +
    'size, time (UTC), name. With PATH only what is there and below; a PATH that no layer has is a\n' +
    "pattern ('/etc/**/*.{conf,d}'). A layer is read once, then its index is cached.\n" +
    'Names are shown with what a terminal must not get as \\xNN; --json has them as they are.',
  options: OPTIONS,
  positionals: {
    min: 1,
    max: Number.POSITIVE_INFINITY,
    names: 'IMAGE [PATH...]',
    each: [{ takes: 'image' }, { takes: 'image-path' }],
  },
  examples: [
    'layerslayer peek nginx:alpine',
    'layerslayer peek --deleted --json debian:12 | jq -r \'select(.how == "whiteout").path\'',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
  run(values, [name, ...paths], context) {
    const { output } = context;
    const { merged, deleted, simple, json } = values;
    if (merged && deleted) throw usageError('--merged and --deleted exclude each other');
    if (merged && values.layer.length > 0) throw usageError('--merged and --layer exclude each other');
    if (values.head !== undefined && (merged || deleted))
      throw usageError('--head is for single layers: not with --merged or --deleted');
    if (simple && json) throw usageError('--simple and --json exclude each other');
    const headBytes = values.head === undefined ? undefined : parseSize(values.head);
    const chosen = values.layer.map(parseLayer);
    const listed = new ListedPaths(paths);
    const form = json ? 'json' : simple ? 'simple' : 'long';
    const hidesProgress = !merged && !deleted && output.resultColumns !== undefined;

    const work = async (use: SessionUse) => {
      const image = await use.open();
      const numbers = chooseLayers(image.resolved, chosen);
      const only = chosen.length > 0 ? numbers : undefined;
      const listing = new PeekListing(form, listed, use.display, output);
      let status = 0;
      const job: PeekJob = {
        ...use,
        image,
        listing,
        listed,
        headBytes,
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
