import { computed, effect, signal } from '@preact/signals';
import { image, isIndexed, progress } from './image.js';
import { go, type Place, place } from './place.js';
import { StreamedTree } from './streamed-tree.js';
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
  // One layer's tree needs only the index of that layer.
  const isThere = computed(() => image.value && (isIndexed.value || place.value.layer !== undefined));
  const streamed = signal(0); // layers whose streams have ended
  const wanted = computed(() => {
    const parts = [image.value?.digest, sourceOf(place.value), streamed.value];
    return isThere.value ? JSON.stringify(parts) : '';
  });
  const read = new Set<string>(); // such layers
  let shownImage = '';
  let expanded: string[] = []; // in the tree before
  effect(() => {
    const source = sourceOf(place.peek());
    const key = `${source.image} ${source.platform}`;
    if (wanted.value === '' || key !== shownImage) tree.value = undefined;
    if (wanted.value === '') return undefined;
    const layerKey = `${image.peek()!.digest} ${source.layer}`;
    const isReady = hasIndex(source.layer) || read.has(layerKey);
    const onEnd = () => {
      read.add(layerKey);
      streamed.value++;
    };
    const made = isReady
      ? new Tree(source, key === shownImage ? expanded : [])
      : new StreamedTree(source, onEnd);
    shownImage = key;
    // The tree before stays until this one has rows, if that is soon: nothing flickers.
    const show = () => {
      tree.value = made;
    };
    const late = setTimeout(show, isReady ? REPLACE_MS : 0);
    void made.load(made.root).then(() => {
      if (!made.isClosed) show();
    });
    return () => {
      clearTimeout(late);
      if (made.root.nodes.length > 0) expanded = made.expandedPaths();
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

/** Returns whether a tree can be read page by page. @param layer undefined: the merged tree */
function hasIndex(layer: number | undefined): boolean {
  if (layer === undefined || isIndexed.peek()) return true;
  const isDone = progress.peek()?.layers.some((one) => one.layer === layer && one.state === 'done');
  return isDone || image.peek()!.layers[layer - 1]?.indexed !== false;
}

/** A layer hides nothing of its own: `deleted` is for the merged tree. */
function sourceOf({ image: reference, platform, layer, deleted, sort }: Place): TreeSource {
  return { image: reference, platform, layer, deleted: layer === undefined && deleted, sort };
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
