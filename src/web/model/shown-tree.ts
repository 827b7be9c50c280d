import { computed, effect, signal } from '@preact/signals';
import { image, isIndexed } from './image.js';
import { go, type Place, place } from './place.js';
import { Tree, type TreeNode, type TreeSource } from './tree.js';

/** The tree of the page; undefined: its layers are not indexed yet. */
export const tree = signal<Tree | undefined>(undefined);

/** Between moving to an entry and writing it into the URL: browsers limit changes a second. */
const SETTLE_MS = 150;

/** How long a tree may be shown after another one was asked for. */
const REPLACE_MS = 300;

let settling: ReturnType<typeof setTimeout> | undefined;

/** Keeps `tree` to what `place` names, and shows its path. Called once. */
export function followTree(): void {
  // One layer's tree needs only the index of that layer, unless it shows what the layer hides.
  const isThere = computed(() => {
    const { layer, deleted } = place.value;
    return image.value && (isIndexed.value || (layer !== undefined && !deleted));
  });
  const wanted = computed(() => {
    return isThere.value ? JSON.stringify([image.value!.digest, sourceOf(place.value)]) : '';
  });
  let shownImage = '';
  let expanded: string[] = []; // in the tree before
  effect(() => {
    const source = sourceOf(place.peek());
    const key = `${source.image} ${source.platform}`;
    if (wanted.value === '' || key !== shownImage) tree.value = undefined;
    if (wanted.value === '') return undefined;
    const made = new Tree(source, key === shownImage ? expanded : []);
    shownImage = key;
    // The tree before stays until this one has rows, if that is soon: nothing flickers.
    const show = () => {
      tree.value = made;
    };
    const late = setTimeout(show, REPLACE_MS);
    void made.load(made.root).then(() => {
      if (!made.isClosed) show();
    });
    return () => {
      clearTimeout(late);
      if (made.root.isBegun) expanded = made.expandedPaths();
      made.close();
    };
  });
  const path = computed(() => place.value.path);
  effect(() => {
    const shown = tree.value;
    const asked = path.value;
    if (!shown || shown.active.peek()?.path === asked) return;
    clearTimeout(settling);
    void shown.reveal(asked);
  });
}

function sourceOf({ image: reference, platform, layer, deleted, sort }: Place): TreeSource {
  return { image: reference, platform, layer, deleted, sort };
}

/** Makes an entry the active one. The URL follows when the user stays there. */
export function moveTo(node: TreeNode): void {
  tree.peek()?.select(node);
  clearTimeout(settling);
  settling = setTimeout(() => go({ path: node.path }, { replace: true }), SETTLE_MS);
}

/**
 * Opens an entry: a place of its own in the browser's history. A hidden entry opens the versions of
 * its path: the path itself may stand for another entry.
 */
export function open(node: TreeNode): void {
  clearTimeout(settling);
  tree.peek()?.select(node);
  const { file } = place.peek();
  if (node.entry.state !== 'live') go({ path: node.path, file: 'history' });
  else go({ path: node.path, file: file === 'history' ? undefined : file });
}
