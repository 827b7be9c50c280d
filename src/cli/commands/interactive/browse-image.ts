import { resolve } from 'node:path';
import { LayerslayerError } from '../../../base/errors.js';
import { printable } from '../../../base/text/printable.js';
import { uncomparedLayers } from '../../../image/opened-image.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { CommandContext } from '../../command.js';
import { withSession } from '../../image-session-command.js';
import type { ImageValues } from '../../options/image-choices.js';
import type { ProgressDisplay } from '../../terminal/progress/progress.js';
import { warnUncompared } from '../../terminal/wording/uncompared.js';
import { CARVE } from '../carve/declaration.js';
import type { CarveResults } from './browser/tree-screen/carve-entry.js';
import { untilLeft } from './leave-keys.js';
import { pinnedReference } from './request-words.js';
import { type Selection, viewLayer } from './selection.js';

/**
 * Shows the merged tree of an image, or one layer's own, on the whole terminal, until the user
 * comes back. Indexes the layers first, with the bars of other commands; Esc and q end that too.
 * @throws LayerslayerError if a layer can't be read; ABORTED after Ctrl-C
 */
export async function browseImage(
  selection: Selection,
  values: ImageValues,
  context: CommandContext,
): Promise<void> {
  const { output, cwd } = context;
  if (output.terminal.isDumb) {
    const why = 'the terminal can not move its cursor (TERM=dumb): use peek';
    throw new LayerslayerError('UNSUPPORTED', why);
  }
  const { image: chosen, name } = selection;
  const platform = formatPlatform(chosen.platform);
  const layer = viewLayer(selection);
  const wanted = { ...values, platform };
  await withSession(pinnedReference(chosen), wanted, context, async (use) => {
    const { session, display, signal, onProgress, shown } = use;
    const image = await use.open();
    const view = await untilLeft(process.stdin, (left) => {
      const only = layer === undefined ? undefined : [layer];
      return image.view({ only, signal: AbortSignal.any([signal, left]), onProgress });
    });
    if (view === undefined) return 0;
    warnUncompared(view.layers, display);
    display.end();
    // Loaded on demand, as the prompts are.
    const [{ Browser }, { BrowsedTree }, { TreeScreen }] = await Promise.all([
      import('./browser/browser.js'),
      import('./browser/tree/browsed-tree.js'),
      import('./browser/tree-screen/tree-screen.js'),
    ]);
    const what = layer === undefined ? '' : `, layer ${layer} of ${chosen.manifest.layers.length}`;
    const doubt = uncomparedLayers(view.layers).length === 0 ? '' : ', not verified';
    const carved: CarveResults[] = [];
    const screen = new TreeScreen({
      image,
      view,
      tree: new BrowsedTree(view),
      title: printable(`${name} (${platform})${what}${doubt}`),
      carveDirectory: resolve(cwd, CARVE.options['output-dir'].default),
      carveDirectoryShown: CARVE.options['output-dir'].default,
      bytesFetched: () => session.metrics().bytesFetched,
      shown,
      carved: (results) => carved.push(results),
    });
    const release = output.holdTerminal();
    try {
      const terminal = { display: output.terminal, keyboard: process.stdin };
      await new Browser(screen, terminal).run(signal);
    } finally {
      release();
      for (const results of carved) report(results, display, output.choices.json);
    }
    return 0;
  });
}

/** Prints what was extracted, as `carve` does: the browser's screen is gone. */
function report({ found, notes }: CarveResults, display: ProgressDisplay, isJson: boolean): void {
  for (const { line, record } of found) {
    if (isJson) display.json(record);
    else display.done(line);
  }
  for (const note of notes) display.warn(note);
}
