import { lstatSync } from 'node:fs';
import type { LayerslayerError } from '../../../../../base/errors.js';
import { printableName } from '../../../../../base/text/printable-name.js';
import { shownName } from '../../../../../base/text/quote-name.js';
import { bytesOfText } from '../../../../../base/text/raw-text.js';
import type { ImageView, OpenedImage } from '../../../../../image/opened-image.js';
import { joinPath, missingPathError, resolvePath } from '../../../../../overlay/resolve-path.js';
import { countText, formatSize } from '../../../../terminal/wording/size.js';
import { FileBytes } from '../file-screen/file-bytes.js';
import { FileScreen } from '../file-screen/file-screen.js';
import { helpScreen } from '../screen/help.js';
import { movedRows, type Outcome, type Pressing, type Screen } from '../screen/screen.js';
import { TextQuestion } from '../screen/text-question.js';
import { TextScreen } from '../screen/text-screen.js';
import { YesQuestion } from '../screen/yes-question.js';
import type { Key } from '../terminal/key-decoder.js';
import type { ScreenLine, ScreenSize } from '../terminal/screen-line.js';
import type { BrowsedTree, TreePlace } from '../tree/browsed-tree.js';
import { TreeModel } from '../tree/tree-model.js';
import { type CarveResults, carveEntry } from './carve-entry.js';
import { detailsScreen } from './details.js';
import { type TreeCaption, treeLines, treePage } from './tree-screen-lines.js';

/** Inodes that are searched at once: in 0.1 s (measured). */
const INODES_AT_ONCE = 150_000;

/** Keys that read the whole tree. */
const SEARCHING: ReadonlySet<Key> = new Set(['n', 'N', 'h', '.', 's', 'c']);

export interface BrowsedImage {
  image: OpenedImage;
  view: ImageView;
  tree: BrowsedTree; // of the view
  title: string; // printable
  carveDirectory: string; // absolute
  carveDirectoryShown: string; // the same for people
  bytesFetched(): number;
  /** Returns an error as it may be shown. */
  shown(error: unknown): LayerslayerError;
  /** Receives what was extracted. */
  carved(results: CarveResults): void;
}

/** What `carve` does with files that are there. */
type CarveChoice = 'keep' | 'replace';

/** The tree of an image. */
export class TreeScreen implements Screen {
  readonly #model: TreeModel;
  #message: string | undefined; // until the next key
  #question: TextQuestion | undefined; // a search text is being typed
  #confirmation: YesQuestion<CarveChoice> | undefined; // before `carve`
  #carving: string | undefined; // where it goes

  constructor(private readonly browsed: BrowsedImage) {
    this.#model = new TreeModel(browsed.tree);
  }

  /** Sizes of directories, unless that takes long: then `s` shows them. */
  async prepare({ signal }: Pressing): Promise<void> {
    const { tree, view } = this.browsed;
    if (view.tree.inodeCount <= INODES_AT_ONCE) await tree.sumUp(signal);
  }

  lines(size: ScreenSize, isBusy: boolean): ScreenLine[] {
    const caption: TreeCaption = {
      title: this.browsed.title,
      message: isBusy
        ? 'working … (Esc stops)'
        : (this.#question?.line(size.columns) ?? this.#confirmation?.line ?? this.#message),
    };
    return treeLines(this.#model, caption, size);
  }

  async press(key: Key, pressing: Pressing): Promise<Outcome> {
    this.#message = undefined;
    if (this.#question) {
      if (key === 'enter') this.#prepareSearch(pressing);
      this.#answer(this.#question, key);
      return undefined;
    }
    const confirmation = this.#confirmation;
    this.#confirmation = undefined;
    const page = treePage(pressing.size);
    const by = confirmation ? undefined : movedRows(key, page);
    if (by !== undefined) {
      this.#model.move(by);
      return undefined;
    }
    if (SEARCHING.has(key)) this.#prepareSearch(pressing);
    try {
      if (confirmation) return await this.#confirmed(confirmation.answer(key), pressing.signal);
      return await this.#act(key, pressing);
    } catch (error) {
      pressing.signal.throwIfAborted();
      this.#tell(error);
      return undefined;
    }
  }

  stopped(): Outcome {
    const place = this.#carving;
    this.#carving = undefined;
    this.#message = place === undefined ? 'stopped' : `stopped; what was written stays in ${place}`;
    return undefined;
  }

  /** In a large tree, says first that it takes long. In others that would flicker. */
  #prepareSearch({ showBusy }: Pressing): void {
    if (this.browsed.view.tree.inodeCount > INODES_AT_ONCE) showBusy();
  }

  async #act(key: Key, { signal }: Pressing): Promise<Outcome> {
    const model = this.#model;
    switch (key) {
      case 'escape':
      case 'q':
        return 'back';
      case 'left':
        return model.fold() ? undefined : 'back';
      case 'right':
      case 'enter':
        return this.#open(key);
      case '/':
        this.#question = new TextQuestion('/');
        return undefined;
      case 'n':
        return this.#search(undefined, 'next');
      case 'N':
        return this.#search(undefined, 'previous');
      case 'h':
      case '.':
        return this.#toggleHidden();
      case 'i':
      case ' ': {
        const { image, tree, view } = this.browsed;
        return detailsScreen(tree, model.current, { view, steps: image.steps });
      }
      case 'c':
        return this.#askCarve(signal);
      case 's':
        return this.#toggleSize(signal);
      case '?':
        return helpScreen();
      default:
        return undefined;
    }
  }

  #open(key: Key): Outcome {
    const { tree, shown } = this.browsed;
    const row = this.#model.current;
    if (tree.opens(row.ref)) {
      if (key === 'right') this.#model.unfold();
      else this.#model.toggle();
      return undefined;
    }
    const path = joinPath(row.names);
    const content = tree.content(row.ref);
    if (content) {
      const hidden = tree.place(row.ref).hidden;
      const title = printableName(path) + (hidden ? `  [${hidden.how}, layer ${hidden.hiddenBy}]` : '');
      return new FileScreen({ title, bytes: new FileBytes(content.layer, content.row), shown });
    }
    if (tree.entry(row.ref).kind === 'symlink' && tree.inodeOf(row.ref) !== 0) this.#follow(row);
    else this.#message = `not a regular file: ${shownName(path)}`;
    return undefined;
  }

  /** Goes to what a symlink leads to. @throws LayerslayerError NOT_FOUND */
  #follow({ names }: TreePlace): void {
    const { tree } = this.browsed.tree.view;
    const resolved = resolvePath(tree, names);
    if (resolved.kind !== 'found') throw missingPathError(resolved, joinPath(names));
    this.#model.revealShown(resolved.names);
  }

  #answer(question: TextQuestion, key: Key): void {
    const outcome = question.press(key);
    if (outcome === undefined) return;
    this.#question = undefined;
    // An empty text is the one of before.
    if (outcome.text !== undefined) this.#search(outcome.text === '' ? undefined : outcome.text, 'next');
  }

  #search(text: string | undefined, direction: 'next' | 'previous'): undefined {
    const found = this.#model.search(text, direction);
    if (found === 'none') this.#message = text === undefined ? 'no such name' : `no name has ${text}`;
    if (found === 'around')
      this.#message = `search continued at the ${direction === 'next' ? 'top' : 'bottom'}`;
  }

  #toggleHidden(): undefined {
    const { tree } = this.browsed;
    this.#model.setHidden(!tree.showsHidden);
    const count = tree.hidden?.count;
    if (count === undefined) this.#message = 'hidden entries are not shown';
    else this.#message = `${countText(count, 'entry is', 'entries are')} hidden by upper layers`;
  }

  async #toggleSize(signal: AbortSignal): Promise<undefined> {
    const { tree } = this.browsed;
    await tree.sumUp(signal);
    this.#model.setBySize(!tree.isBySize);
    this.#message = tree.isBySize ? 'largest first' : 'by name';
  }

  /** A directory may be all of the image, and files that are there may be the user's. */
  async #askCarve(signal: AbortSignal): Promise<Outcome> {
    const { tree, carveDirectory } = this.browsed;
    const { names, ref } = this.#model.current;
    const place = this.#placeOf(names);
    if (tree.opens(ref)) {
      await tree.sumUp(signal);
      const bytes = tree.bytesOf(ref);
      const size = bytes === undefined ? '' : ` (${formatSize(bytes)})`;
      const text = `carve all in it${size} to ${place}? o: replace files that are there`;
      this.#confirmation = new YesQuestion(text, { y: 'keep', o: 'replace' });
      return undefined;
    }
    const target = Buffer.concat([bytesOfText(carveDirectory), joinPath(names)]);
    if (!isFileAt(target)) return this.#carve('keep', signal);
    this.#confirmation = new YesQuestion(`${place} is there already: replace it?`, { y: 'replace' });
    return undefined;
  }

  #confirmed(choice: CarveChoice | undefined, signal: AbortSignal): Promise<Outcome> | undefined {
    if (choice !== undefined) return this.#carve(choice, signal);
    this.#message = 'nothing was carved';
    return undefined;
  }

  #placeOf(names: readonly Uint8Array[]): string {
    return `${this.browsed.carveDirectoryShown}${printableName(joinPath(names))}`;
  }

  async #carve(choice: CarveChoice, signal: AbortSignal): Promise<Outcome> {
    const { image, tree, carveDirectory: directory, bytesFetched, shown, carved } = this.browsed;
    const { carveDirectoryShown: directoryShown } = this.browsed;
    const { names, ref } = this.#model.current;
    const { layer, hidden } = tree.place(ref);
    // A hidden entry is still in its own layer.
    const layers = hidden ? [layer] : tree.view.layers.map(({ number }) => number);
    this.#carving = this.#placeOf(names);
    const force = choice === 'replace';
    const where = { directory, directoryShown, force };
    const results = await carveEntry({ image, layers, names, ...where, bytesFetched, shown, signal });
    this.#carving = undefined;
    carved(results);
    const lines = [...results.found.map((one) => one.shown), ...results.notes];
    if (lines.length > 1) return new TextScreen('carve', lines);
    this.#message = lines[0];
    return undefined;
  }

  #tell(error: unknown): void {
    this.#message = this.browsed.shown(error).message;
  }
}

/** Not a directory: that is never replaced. Faults come when the file is written. */
function isFileAt(path: Buffer): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch {
    return false;
  }
}
