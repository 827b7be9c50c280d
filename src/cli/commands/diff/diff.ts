import { type LayerslayerError, withContext } from '../../../base/errors.js';
import { shownName } from '../../../base/text/quote-name.js';
import { compareViews } from '../../../image/compare/compare-views.js';
import type { Comparison } from '../../../image/compare/comparison.js';
import { configDifferences } from '../../../image/compare/config-differences.js';
import type { ComparedSides } from '../../../image/records/difference-record.js';
import { configRecord } from '../../../image/records/difference-record.js';
import type { TreeDifference } from '../../../overlay/compare/compare-trees.js';
import { directoryStats } from '../../../overlay/compare/directory-stats.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { parseLayer } from '../../options/layer-choice.js';
import { usageError } from '../../options/usage-error.js';
import { LineWriter } from '../../terminal/output/line-writer.js';
import { doubtOf } from '../../terminal/wording/uncompared.js';
import { areSame, chooseBoth, openBoth, viewBoth } from './compared-images.js';
import { configLine } from './config-report.js';
import { DIFF } from './declaration.js';
import { DifferenceRows } from './difference-rows.js';
import { rowPainter } from './row-colors.js';
import { STATS_HEADING, statsLine, statsRecord } from './stats-report.js';
import { Totals } from './totals.js';

/** Status of an answer: the images differ. */
const DIFFERENT = 1;

export const diff: Command<typeof DIFF.options> = {
  ...DIFF,
  run(values, [first, second, path], context) {
    const { json, times, stat, content } = values;
    const nameOnly = values['name-only'];
    const forms = [stat && '--stat', content && '--content', nameOnly && '--name-only'].filter(Boolean);
    if (forms.length > 1) throw usageError(`${forms.join(' and ')} exclude each other`);
    const wanted = values.layer.map(parseLayer);
    if (wanted.length > 2)
      throw usageError('--layer counts twice at most: for the first image and the second');

    const work = async (use: SessionUse) => {
      const { display, signal } = use;
      const images = await openBoth(use, second!);
      const layers = chooseBoth(images, wanted);
      if (areSame(images, layers) && path === undefined) return 0;
      const paint = rowPainter(values.color, context);
      const listing = new LineWriter({ display, output: context.output, signal });
      const isWhole = layers === undefined && path === undefined;
      const configs = isWhole ? configDifferences(images.from.resolved, images.to.resolved, { times }) : [];
      if (nameOnly && configs.length > 0) display.say('config or build steps differ');
      for (const one of nameOnly ? [] : configs) {
        if (json) listing.record(configRecord(one));
        else listing.line(paint(configLine(one)));
      }

      const views = await viewBoth(images, layers, use, context.output);
      const sides = {
        from: { view: views.from, name: images.from.resolved.reference },
        to: { view: views.to, name: images.to.resolved.reference },
      };
      const onProgress = (done: number, total: number) => {
        if (context.output.canDrawLive) display.notice(`comparing contents: ${done} of ${total} files`);
      };
      const comparison = await compareViews(sides.from, sides.to, { path, times, signal, onProgress });
      display.end();
      let status = 0;
      const fail = (error: LayerslayerError, { names }: TreeDifference) => {
        const failed = use.fail(withContext(error, shownName(joinPath(names))));
        status ||= failed;
      };
      const totals = new Totals(fail);
      const differences = totals.counted(comparison.differences);
      const doubt = doubtOf([...views.from.layers, ...views.to.layers]);
      if (stat) await printStats(differences, { sides, start: comparison.start, listing, json, doubt });
      else {
        const form = json ? 'json' : 'text';
        const isTerminal = context.output.resultColumns !== undefined;
        const options = { form, nameOnly, content, isTerminal, paint, doubt, fail, signal } as const;
        const rows = new DifferenceRows(comparison, sides, listing, options);
        for (const difference of differences) await rows.add(difference);
      }
      await listing.flush();
      const isDifferent = totals.count > 0 || configs.length > 0;
      if (totals.count > 0 && !json && !stat && !nameOnly) display.say(totals.text());
      return status || (isDifferent ? DIFFERENT : 0);
    };
    return withSession(first!, values, context, work, { others: [second!], readsLayers: true });
  },
};

async function printStats(
  differences: Iterable<TreeDifference>,
  options: {
    sides: ComparedSides;
    start: Comparison['start'];
    listing: LineWriter;
    json: boolean;
    doubt: object;
  },
): Promise<void> {
  const { sides, start, listing, json, doubt } = options;
  const trees = { from: sides.from.view.tree, to: sides.to.view.tree };
  let hasHeading = json;
  for (const stats of directoryStats(differences, trees, start)) {
    if (!hasHeading) listing.line(STATS_HEADING);
    hasHeading = true;
    if (json) listing.record(statsRecord(stats, doubt));
    else listing.line(statsLine(stats));
    await listing.turn();
  }
}
