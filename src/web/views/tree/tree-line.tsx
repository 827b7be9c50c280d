import { changedText, sizeText } from '../../model/format.js';
import { shownPath } from '../../model/raw-path.js';
import type { MoreRow, TreeNode } from '../../model/tree.js';
import { LayerBadge, LayerBadges } from '../parts/layer-badge.js';
import { KindIcon } from './kind-icon.js';

interface TreeLineProps {
  id: string;
  node: TreeNode;
  isActive: boolean;
  isCursor: boolean; // where keys begin
  isExpandable: boolean;
  style: Record<string, string>;
  onSelect: () => void;
}

/** CSS pixels of a level. */
const INDENT = 14;

/** Returns the indentation of a row. It ends where it would leave no room for the name. */
function indentation(depth: number, more: number): string {
  return `min(${more + depth * INDENT}px, max(${more + 3 * INDENT}px, 100cqw - 400px))`;
}

/** For screen readers: the others are words already. */
const KIND_WORDS: Readonly<Record<string, string>> = {
  dir: 'directory',
  symlink: 'symbolic link',
  hardlink: 'hard link',
  char: 'character device',
  block: 'block device',
};

/** An entry of a tree: a line of fixed height, whatever its name is. */
export function TreeLine({ id, node, isActive, isCursor, isExpandable, style, onSelect }: TreeLineProps) {
  const { entry, depth, position, siblings } = node;
  const name = shownPath(node.name);
  const { layer, hiddenBy, state, kind } = entry;
  const layers = entry.layers?.length ? entry.layers : [layer]; // an empty directory has its own
  const size = kind === 'dir' ? entry.bytes : kind === 'file' ? entry.size : undefined;
  const isComplete = siblings.next === undefined;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, aria-activedescendant names the row
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears keys
    <div
      id={id}
      role="treeitem"
      class={`row${isActive ? ' active' : ''}${isCursor ? ' cursor' : ''}${state === 'live' ? '' : ' gone'}`}
      aria-level={depth + 1}
      aria-posinset={position + 1}
      aria-setsize={isComplete ? siblings.nodes.length : -1}
      aria-selected={isActive}
      aria-expanded={isExpandable ? node.isExpanded : undefined}
      title={summary(node, name)}
      style={{ ...style, paddingLeft: indentation(depth, 6) }}
      onClick={onSelect}
    >
      <span
        class={`twisty${isExpandable ? '' : ' none'}${node.isExpanded ? ' open' : ''}`}
        aria-hidden="true"
      />
      <KindIcon kind={kind} />
      <span class="name">
        {state === 'live' ? <bdi>{name}</bdi> : <s>{<bdi>{name}</bdi>}</s>}
        {entry.target !== undefined && <span class="target"> → {shownPath(entry.target)}</span>}
      </span>
      {kind !== 'file' && <span class="unseen">{KIND_WORDS[kind] ?? kind}</span>}
      <span class="size">{size === undefined ? '' : sizeText(size)}</span>
      <span class="unseen">{layers.length > 1 ? 'layers' : 'layer'}</span>
      <span class="badges">
        <LayerBadges layers={layers} />
        {state !== 'live' && <span class="unseen">{state} by layer</span>}
        {hiddenBy !== undefined && <LayerBadge layer={hiddenBy} isHider />}
      </span>
    </div>
  );
}

interface MoreLineProps {
  row: MoreRow;
  style: Record<string, string>;
  isAutomatic: boolean; // it is being loaded
  onLoad: () => void;
}

/** Stands for entries that are not loaded yet, or could not be. */
export function MoreLine({ row: { more, depth }, style, isAutomatic, onLoad }: MoreLineProps) {
  const { error } = more;
  return (
    <div role="none" class="row more" style={{ ...style, paddingLeft: indentation(depth, 26) }}>
      {error && (
        <span class="name">
          {error.code}: {shownPath(error.message)}
        </span>
      )}
      {isAutomatic ? (
        <span class="faint">loading…</span>
      ) : (
        <button type="button" tabIndex={-1} onClick={onLoad}>
          {error ? 'Try again' : 'Show more'}
        </button>
      )}
    </div>
  );
}

function summary({ entry }: TreeNode, name: string): string {
  const { mode, uid, gid, state, hiddenBy, entries } = entry;
  const lines = [name, `${mode} ${uid}:${gid} ${changedText(entry)}`];
  if (entries !== undefined) lines.push(`${entries.toLocaleString('en')} entries`);
  if (state !== 'live') lines.push(hiddenBy === undefined ? state : `${state} by layer ${hiddenBy}`);
  return lines.join('\n');
}
