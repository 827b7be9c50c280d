import { computed, effect, signal } from '@preact/signals';
import { image, isIndexed } from './image.js';
import { go, place } from './place.js';
import { Tree, type TreeNode } from './tree.js';

/** The tree of the page; undefined: its layers are not indexed yet. */
export const tree = signal<Tree | undefined>(undefined);

/** Between moving to an entry and writing it into the URL: browsers refuse many changes a second. */
const SETTLE_MS = 150;

let settling: ReturnType<typeof setTimeout> | undefined;

/** Keeps `tree` to what `place` names, and shows its path. Called once. */
export function followTree(): void {
  // One layer's tree needs only the index of that layer.
  const isThere = computed(() => image.value && (isIndexed.value || place.value.layer !== undefined));
  const wanted = computed(() => {
    const { image: reference, platform, layer, deleted, sort } = place.value;
    return isThere.value
      ? JSON.stringify([image.value!.digest, reference, platform, layer, deleted, sort])
      : '';
  });
  let shownImage = '';
  effect(() => {
    if (wanted.value === '') {
      tree.value = undefined;
      return undefined;
    }
    const { image: reference, platform, layer, deleted, sort } = place.peek();
    const key = `${reference} ${platform}`;
    const restored = key === shownImage ? expanded : [];
    shownImage = key;
    const made = new Tree({ image: reference, platform, layer, deleted, sort }, restored);
    tree.value = made;
    return () => {
      expanded = made.expandedPaths();
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

/** Directories that were open in the tree before. */
let expanded: string[] = [];

/** Makes an entry the active one. The URL follows when the user stays there. */
export function moveTo(node: TreeNode): void {
  tree.peek()?.select(node);
  clearTimeout(settling);
  settling = setTimeout(() => go({ path: node.path }, { replace: true }), SETTLE_MS);
}

/** Opens an entry: a place of its own in the history. */
export function open(node: TreeNode): void {
  clearTimeout(settling);
  tree.peek()?.select(node);
  go({ path: node.path });
}
