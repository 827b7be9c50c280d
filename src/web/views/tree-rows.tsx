import { useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { pane } from '../model/panes.js';
import { go, place } from '../model/place.js';
import { moveTo, open } from '../model/shown-tree.js';
import { isMore, type Row, type Tree, type TreeNode } from '../model/tree.js';
import { keyAction, Typing, typedRow } from '../model/tree-keys.js';
import { MoreLine, TreeLine } from './tree-line.js';
import { ROW_HEIGHT, useVirtualRows } from './virtual-rows.js';

/** Rows before the end of what is loaded at which the next page is asked for. */
const PREFETCH_ROWS = 200;

/** A tree of any length; a few hundred rows of it are in the page. (WAI-ARIA Authoring Practices, tree view) */
export function TreeRows({ tree }: { tree: Tree }) {
  const scroller = useRef<HTMLDivElement>(null);
  const typing = useRef(new Typing());
  const rows = tree.rows.value;
  const activeIndex = useComputed(() => {
    const { value } = tree.active;
    return value ? tree.rows.value.indexOf(value) : -1;
  });
  const active = activeIndex.value;
  const { items, height, pageRows, scrollTo } = useVirtualRows(scroller, rows.length, active);
  useSignalEffect(() => {
    if (activeIndex.value >= 0) queueMicrotask(() => scrollTo(activeIndex.peek()));
  });
  useEffect(() => {
    const last = items.findLast(({ index }) => index !== active)?.index ?? 0;
    const first = items.find(({ index }) => index !== active)?.index ?? 0;
    for (const row of rows.slice(first, last + PREFETCH_ROWS))
      if (isMore(row) && !row.more.error) void tree.load(row.more);
  });
  const isExpandable = (node: TreeNode) => tree.isExpandable(node);
  const activate = (node: TreeNode) => {
    if (!isExpandable(node)) openFile(node);
    else if (node.isExpanded) tree.collapse(node);
    else void tree.expand(node);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === '?' || event.key === '/') return;
    const { key } = event;
    const node = rows[active] as TreeNode | undefined;
    const action = keyAction(key, { rows, active, pageRows, isExpandable });
    if (action?.kind === 'move') moveToRow(rows, action.to, active);
    else if (action?.kind === 'expand') void tree.expand(node!);
    else if (action?.kind === 'collapse') tree.collapse(node!);
    else if (action?.kind === 'open') activate(node!);
    else if (key === ' ' && !typing.current.isUnderWay(event.timeStamp)) {
      if (node) activate(node);
    } else if ([...key].length === 1) {
      const to = typedRow(rows, active, typing.current.add(key, event.timeStamp));
      if (to >= 0) moveToRow(rows, to, active);
    } else return;
    event.preventDefault();
  };
  return (
    <div class="tree-frame">
      <Columns />
      <div class="tree-scroller" ref={scroller}>
        <div
          role="tree"
          aria-label={place.value.layer === undefined ? 'Merged tree' : `Tree of layer ${place.value.layer}`}
          aria-activedescendant={active >= 0 ? rowId(active) : undefined}
          tabIndex={0}
          style={{ height: `${height}px` }}
          onKeyDown={press}
          onFocus={() => {
            if (active < 0) moveToRow(rows, 0, active);
          }}
        >
          {items.map(({ index, start }) => {
            const row = rows[index];
            if (!row) return null;
            const style = { transform: `translateY(${start}px)`, height: `${ROW_HEIGHT}px` };
            if (isMore(row))
              return <MoreLine key={`more ${row.more.path}`} row={row} style={style} tree={tree} />;
            return (
              <TreeLine
                key={keyOf(row)}
                id={rowId(index)}
                node={row}
                isActive={index === active}
                isExpandable={isExpandable(row)}
                style={style}
                onSelect={() => {
                  moveTo(row);
                  activate(row);
                }}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Heads of the columns: they sort. */
function Columns() {
  const { sort } = place.value;
  return (
    <div class="columns">
      <button
        type="button"
        class="by-name"
        aria-pressed={sort !== 'size'}
        onClick={() => go({ sort: undefined })}
      >
        Name
      </button>
      <button
        type="button"
        class="by-size"
        aria-pressed={sort === 'size'}
        onClick={() => go({ sort: 'size' })}
      >
        Size
      </button>
      <span class="by-layer">Layers</span>
    </div>
  );
}

function rowId(index: number): string {
  return `row-${index}`;
}

/** A path may be there twice: shown and hidden. */
function keyOf({ path, position, siblings }: TreeNode): string {
  return `${position} ${siblings.owner?.position ?? ''} ${path}`;
}

/** Goes to the entry at a row, or past a row that only stands for more. */
function moveToRow(rows: readonly Row[], to: number, from: number): void {
  const row = rows[to];
  const beyond = row && isMore(row) ? (rows[to + Math.sign(to - from)] ?? rows[to - 1]) : row;
  if (beyond && !isMore(beyond)) moveTo(beyond);
}

/** Shows a file, and goes there. */
function openFile(node: TreeNode): void {
  open(node);
  pane.value = 'file';
  queueMicrotask(() => document.getElementById('file-pane')?.focus());
}
