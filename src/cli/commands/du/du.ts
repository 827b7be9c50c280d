import { chooseLayer } from '../../../image/choose-layer.js';
import type { OpenedImage } from '../../../image/opened-image.js';
import { type AskedPath, askedPaths } from '../../../image/paths/asked-path.js';
import { DeletionHints } from '../../../image/paths/deletion-hint.js';
import { directoryUsage } from '../../../image/usage/directory-usage.js';
import { hiddenReport } from '../../../image/usage/hidden-usage.js';
import { dockerfileSteps } from '../../../oci/dockerfile-step.js';
import type { Command, CommandContext } from '../../command.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { parseDepth } from '../../options/depth.js';
import { parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { writeLines } from '../../terminal/output/line-writer.js';
import { doubtOf, warnUncompared } from '../../terminal/wording/uncompared.js';
import { DU } from './declaration.js';
import { hiddenLines, hiddenRecords } from './hidden-lines.js';
import { breachOf, parseLimit } from './size-limit.js';
import { type DuForm, sizeLines, sizeRecords } from './size-lines.js';

export const du: Command<typeof DU.options> = {
  ...DU,
  run(values, [name, ...words], context) {
    const { hidden, layers, layer } = values;
    if (layers && hidden) throw usageError('--layers and --hidden exclude each other: --hidden is by layer');
    if (layers && layer !== undefined) throw usageError('--layers and --layer exclude each other');
    if (hidden && words.length > 1) throw usageError(`--hidden takes one PATH: ${words[1]} is one too many`);
    const limit = parseLimit(values['fail-above']);
    const chosen = layer === undefined ? undefined : parseLayer(layer);
    const job: DuJob = {
      asked: askedPaths(words.length === 0 ? ['/'] : words),
      depth: parseDepth(values.depth),
      form: {
        isExact: values.bytes,
        order: values.sort ?? 'name',
      },
    };

    const work = async (use: SessionUse) => {
      const image = await use.open();
      const only = chosen === undefined ? undefined : chooseLayer(image.resolved, chosen);
      const show = hidden ? showHidden : showSizes;
      const sum = await show({ ...use, ...context }, image, values, { ...job, only });
      const breach = limit && breachOf(limit, sum.what, sum);
      if (breach !== undefined) use.display.warn(breach);
      return sum.status || (breach === undefined ? 0 : ABOVE_LIMIT);
    };
    return withSession(name!, values, context, work, { readsLayers: true });
  },
};

/** Exit status of `--fail-above`: an answer, no fault. */
const ABOVE_LIMIT = 1;

type DuValues = OptionValues<typeof DU.options>;

interface DuJob {
  asked: readonly AskedPath[];
  depth: number | undefined;
  form: DuForm;
  only?: number | undefined; // the layer of --layer
}

/** What `--fail-above` judges. */
interface JudgedSum {
  what: string;
  bytes: number;
  readonly layerBytes: number;
  status: number; // of the first PATH that failed, else 0
}

type Use = SessionUse & CommandContext;

async function showSizes(use: Use, image: OpenedImage, values: DuValues, job: DuJob): Promise<JudgedSum> {
  const { signal, onProgress, display } = use;
  const { asked, depth, form, only } = job;
  const view = await image.view({ signal, onProgress, ...(only !== undefined && { only: [only] }) });
  let status = 0;
  const report = directoryUsage(view, asked, {
    failed(error) {
      const failed = use.fail(error);
      status ||= failed;
    },
    depth,
    files: values.all,
    byLayer: values.layers,
    hints: new DeletionHints(),
    where: only === undefined ? undefined : `layer ${only}`,
  });
  const lines = values.json
    ? sizeRecords(report, form.order, doubtOf(view.layers))
    : sizeLines(report, form, values.layers);
  await writeLines(lines, use);
  warnUncompared(view.layers, display);
  return {
    what: asked.length === 1 ? asked[0]!.text : 'total',
    status,
    bytes: report.bytes,
    get layerBytes() {
      return report.layerBytes;
    },
  };
}

async function showHidden(use: Use, image: OpenedImage, values: DuValues, job: DuJob): Promise<JudgedSum> {
  const { signal, onProgress, display, output } = use;
  const { depth, form, only } = job;
  const asked = job.asked[0]!;
  const view = await image.view({ signal, onProgress });
  const showsPaths = values.all || depth !== undefined;
  const report = hiddenReport(view, image.steps, asked, {
    depth: showsPaths ? depth : 0,
    files: values.all,
    layer: only,
  });
  const steps = dockerfileSteps(image.resolved.config.history);
  const stepOf = (layer: number) => {
    const step = steps[image.steps.findIndex((one) => one.layer === layer)];
    return step && [step.keyword, step.text].filter(Boolean).join(' ').replace(/\s+/g, ' ');
  };
  const lines = values.json
    ? hiddenRecords(report, form.order, doubtOf(view.layers))
    : hiddenLines(report, { ...form, showsPaths, columns: output.resultColumns, stepOf });
  await writeLines(lines, use);
  warnUncompared(view.layers, display);
  return {
    what: `hidden below ${asked.text}`,
    bytes: report.bytes,
    layerBytes: report.layerBytes,
    status: 0,
  };
}
