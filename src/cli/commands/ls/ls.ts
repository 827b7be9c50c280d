import { asLayerslayerError } from '../../../base/errors.js';
import { type AskedPath, askedPaths } from '../../../image/paths/asked-path.js';
import { DeletionHints } from '../../../image/paths/deletion-hint.js';
import { hiddenByLast, hiddenTree } from '../../../overlay/history/hidden-tree.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { EntryColors, usesColors } from '../../terminal/layout/colors.js';
import { LineWriter } from '../../terminal/output/line-writer.js';
import type { Output } from '../../terminal/output/output.js';
import { doubtOf, warnUncompared } from '../../terminal/wording/uncompared.js';
import { LS } from './declaration.js';
import { listDirectories } from './list-directories.js';
import { type LsForm, LsListing } from './ls-listing.js';
import { type Operand, operandsOf } from './operands.js';
import { sortRows } from './row-order.js';

type LsValues = OptionValues<typeof LS.options>;

export const ls: Command<typeof LS.options> = {
  ...LS,
  run(values, [name, ...words], context) {
    const { output, env } = context;
    const { recursive, directory, deleted, reverse } = values;
    const sort = values.sort ?? 'name';
    const only = values.layer === undefined ? [] : [parseLayer(values.layer)];
    const asked = askedPaths(words.length === 0 ? ['/'] : words);
    const form = formOf(values, output, env);

    const work = async (use: SessionUse) => {
      const { display, signal, onProgress } = use;
      const image = await use.open();
      const { layers: described } = image.resolved.manifest;
      const numbers = chooseLayers(image.resolved, only);
      // A layer hides entries of those below it.
      const upTo = deleted ? described.slice(0, numbers.at(-1)).map((_, i) => i + 1) : numbers;
      const layers = await image.layers({ only: upTo, signal, onProgress });
      const view = await image.view({ only: numbers, signal, onProgress });
      const hiddenIn = only.length > 0 ? hiddenByLast : hiddenTree;
      const hidden = deleted ? hiddenIn(layers) : undefined;
      const hints = new DeletionHints();
      const where = only.length > 0 && described.length > 1 ? `layer ${numbers[0]}` : undefined;
      const keepsLinks = values.long || directory || values.classify;
      let status = 0;
      const operands = asked.flatMap((one: AskedPath): Operand[] => {
        try {
          return operandsOf(one, { view, hidden, hints, where, keepsLinks, keepsDirectories: directory });
        } catch (error) {
          const failed = use.fail(asLayerslayerError(error));
          status ||= failed;
          return [];
        }
      });
      sortRows(operands, sort, reverse);
      const writer = new LineWriter({ display, output, signal });
      const listing = new LsListing({
        ...{ writer, form, doubt: doubtOf(layers) },
        digestOf: (layer) => described[layer - 1]?.digest,
      });
      const files = operands.filter(({ contents }) => !contents);
      if (files.length > 0) await listing.block(undefined, files, ({ names }) => names);
      const hasHeadings = recursive || asked.length > 1 || operands.length > 1;
      const directories = operands.flatMap(({ contents }) => contents ?? []);
      await listDirectories(listing, directories, {
        ...{ tree: view.tree, isRecursive: recursive, hasHeadings },
        sort: (rows) => sortRows(rows, sort, reverse),
      });
      await writer.flush();
      warnUncompared(layers, display);
      return status;
    };
    return withSession(name!, values, context, work);
  },
};

/** Columns of a line where no terminal says how many there are, as in GNU `ls -C`. */
const DEFAULT_COLUMNS = 80;

function formOf(values: LsValues, output: Output, env: NodeJS.ProcessEnv): LsForm {
  const columns = output.resultColumns ?? (values.columns ? DEFAULT_COLUMNS : undefined);
  // The marks of hidden entries make each name a line.
  const isLines = values['single-column'] || values.deleted || columns === undefined;
  return {
    kind: values.json ? 'json' : values.long ? 'long' : isLines ? 'lines' : 'columns',
    lineWidth: columns ?? 0,
    isExact: values.bytes,
    classifies: values.classify,
    colors: usesColors(values.color, output, env) ? new EntryColors(env.LS_COLORS) : undefined,
  };
}
