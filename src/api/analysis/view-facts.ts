import { SharedTask } from '../../base/tasks/shared-task.js';
import type { ImageView } from '../../image/opened-image.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import { joinPath } from '../../overlay/resolve-path.js';
import type { Analyses } from './analyses.js';
import type { HiddenColumns } from './hidden-columns.js';
import type { TreeSums } from './tree-sums.js';

/** What is known of a view, as long as the view is. */
interface Facts {
  hidden: SharedTask<HiddenColumns>;
  hiddenByLayer: Map<number, SharedTask<HiddenColumns>>;
  sums: SharedTask<TreeSums>;
  versions: Map<string, SharedTask<readonly PathVersion[]>>; // by path, the last used at the end
}

/** Paths of a view whose versions are kept. */
const VERSIONS_MAX = 1_000;

/** What the routes want to know of views. It is worked out in threads, once for each view. */
export class ViewFacts {
  readonly #facts = new WeakMap<ImageView, Facts>();

  constructor(private readonly analyses: Analyses) {}

  /** Returns what upper layers hide. @throws LayerslayerError as `Analyses.hidden` */
  hidden(view: ImageView, signal: AbortSignal): Promise<HiddenColumns> {
    return this.#of(view).hidden.get(signal);
  }

  /** Returns what a layer hides of those below it. @throws LayerslayerError as `Analyses.hidden` */
  hiddenByLayer(view: ImageView, layer: number, signal: AbortSignal): Promise<HiddenColumns> {
    const { hiddenByLayer } = this.#of(view);
    const known =
      hiddenByLayer.get(layer) ?? new SharedTask((ends) => this.analyses.hiddenByLayer(view, layer, ends));
    hiddenByLayer.set(layer, known);
    return known.get(signal);
  }

  /** Returns what each directory has below it. @throws LayerslayerError as `Analyses.sums` */
  sums(view: ImageView, signal: AbortSignal): Promise<TreeSums> {
    return this.#of(view).sums.get(signal);
  }

  /** Returns the versions of a path. @throws LayerslayerError as `Analyses.versions` */
  versions(
    view: ImageView,
    names: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly PathVersion[]> {
    const { versions } = this.#of(view);
    const key = joinPath(names).toString('latin1');
    const known = versions.get(key) ?? new SharedTask((ends) => this.analyses.versions(view, names, ends));
    versions.delete(key);
    versions.set(key, known);
    for (const oldest of versions.keys()) if (versions.size > VERSIONS_MAX) versions.delete(oldest);
    return known.get(signal);
  }

  #of(view: ImageView): Facts {
    const known = this.#facts.get(view) ?? {
      hidden: new SharedTask((signal) => this.analyses.hidden(view, signal)),
      hiddenByLayer: new Map(),
      sums: new SharedTask((signal) => this.analyses.sums(view, signal)),
      versions: new Map(),
    };
    this.#facts.set(view, known);
    return known;
  }
}
