import { sizeText, timeText } from '../model/format.js';
import { shownPath } from '../model/raw-path.js';
import type { MoreRow, Tree, TreeNode } from '../model/tree.js';
import { KindIcon } from './kind-icon.js';
import { LayerBadge, LayerBadges } from './layer-badge.js';

interface TreeLineProps {
  id: string;
  node: TreeNode;
  isActive: boolean;
  isExpandable: boolean;
  style: Record<string, string>;
  onSelect: () => void;
}

/** Levels that are indented. Deeper ones would leave no room for the name. */
const INDENTED_MAX = 24;

/** An entry of a tree: a line of fixed height, whatever its name is. */
export function TreeLine({ id, node, isActive, isExpandable, style, onSelect }: TreeLineProps) {
  const { entry, depth, position, siblings } = node;
  const name = shownPath(node.name);
  const { layer, hiddenBy, state, kind } = entry;
  const layers = entry.layers ?? [layer];
  const size = kind === 'dir' ? entry.bytes : kind === 'file' ? entry.size : undefined;
  const isComplete = siblings.next === undefined;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, aria-activedescendant names the row
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears keys
    <div
      id={id}
      role="treeitem"
      class={`row${isActive ? ' active' : ''}${state === 'live' ? '' : ' gone'}`}
      aria-level={depth + 1}
      aria-posinset={position + 1}
      aria-setsize={isComplete ? siblings.nodes.length : -1}
      aria-selected={isActive}
      aria-expanded={isExpandable ? node.isExpanded : undefined}
      aria-label={spoken(node, name, size)}
      title={summary(node, name)}
      style={{ ...style, paddingLeft: `${6 + Math.min(depth, INDENTED_MAX) * 14}px` }}
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
      <span class="size">{size === undefined ? '' : sizeText(size)}</span>
      <span class="badges">
        <LayerBadges layers={layers} />
        {hiddenBy !== undefined && <LayerBadge layer={hiddenBy} isHider />}
      </span>
    </div>
  );
}

/** Stands for entries that are not loaded yet, or could not be. */
export function MoreLine({ row, style, tree }: { row: MoreRow; style: Record<string, string>; tree: Tree }) {
  const { more, depth } = row;
  return (
    <div
      role="none"
      class="row more"
      style={{ ...style, paddingLeft: `${26 + Math.min(depth, INDENTED_MAX) * 14}px` }}
    >
      {more.error ? (
        <>
          <span class="name">
            {more.error.code}: {shownPath(more.error.message)}
          </span>
          <button type="button" tabIndex={-1} onClick={() => void tree.load(more)}>
            Try again
          </button>
        </>
      ) : (
        <span class="faint">loading…</span>
      )}
    </div>
  );
}

/** What a screen reader says. */
function spoken({ entry }: TreeNode, name: string, size: number | undefined): string {
  const { kind, layer, layers = [layer], state, hiddenBy } = entry;
  const parts = [name];
  if (kind !== 'file') parts.push(kind === 'dir' ? 'directory' : kind);
  if (size !== undefined) parts.push(sizeText(size));
  parts.push(`${layers.length > 1 ? 'layers' : 'layer'} ${layers.join(', ')}`);
  if (state !== 'live') parts.push(hiddenBy === undefined ? state : `${state} by layer ${hiddenBy}`);
  return parts.join(', ');
}

function summary({ entry }: TreeNode, name: string): string {
  const { mode, uid, gid, mtime, state, hiddenBy, entries } = entry;
  const lines = [name, `${mode} ${uid}:${gid} ${timeText(mtime)}`];
  if (entries !== undefined) lines.push(`${entries.toLocaleString('en')} entries`);
  if (state !== 'live') lines.push(hiddenBy === undefined ? state : `${state} by layer ${hiddenBy}`);
  return lines.join('\n');
}
