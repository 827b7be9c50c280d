import { type CatJob, catFiles } from '../../../carve/cat-files.js';
import { type AskedPath, askedPaths } from '../../../image/paths/asked-path.js';
import type { Command } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { chooseLayers, parseLayer } from '../../options/layer-choice.js';
import { usageError } from '../../options/usage-error.js';
import { uncomparedLine, unverifiedLine } from '../../terminal/wording/uncompared.js';
import { CAT } from './declaration.js';

export const cat: Command<typeof CAT.options> = {
  ...CAT,
  run(values, [name, ...words], context) {
    const { output } = context;
    if (values.json) throw usageError('cat and --json exclude each other: stdout has the contents');
    const byText = new Map(askedPaths(words).map((one) => [one.text, one]));
    const paths = [...byText.values()];
    // As for `carve`: names seldom contain these characters.
    const needsTree = paths.some(({ text, pattern }) => pattern && /[*?]/.test(text));
    const only = values.layer === undefined ? [] : [parseLayer(values.layer)];

    const work = async (use: SessionUse) => {
      const image = await use.open();
      const numbers = chooseLayers(image.resolved, only);
      const statuses = new Map<AskedPath, number>(); // of each path's first fault
      const doubts = new Set<string>();
      const doubt: CatJob['doubt'] = (unverified, uncompared) => {
        if (unverified) doubts.add(unverifiedLine(unverified));
        else if (uncompared.length > 0) doubts.add(uncomparedLine(uncompared));
      };
      const job: CatJob = {
        ...use,
        image,
        numbers,
        where:
          only.length > 0 && image.resolved.manifest.layers.length > 1 ? `layer ${numbers[0]}` : undefined,
        verify: values.verify,
        write: (bytes) => output.bytes(bytes),
        failed(error, asked, unverified) {
          const status = use.fail(error);
          doubt(unverified, []);
          if (!statuses.has(asked)) statuses.set(asked, status);
        },
        doubt,
        settled: () => output.flushed(),
      };
      try {
        await catFiles(
          job,
          words.map((word) => byText.get(word)!),
          { needsTree },
        );
      } finally {
        // After the contents, which may be on the same terminal.
        if (!use.signal.aborted) for (const line of doubts) use.display.warn(line);
      }
      // Faults come in any order: the first PATH with one decides the status.
      return statuses.get(paths.find((one) => statuses.has(one))!) ?? 0;
    };
    // Only an own pass reads a layer to its end.
    const sources = values.verify ? { ...values, index: 'none' as const } : values;
    return withSession(name!, sources, context, work, { readsLayers: true });
  },
};
