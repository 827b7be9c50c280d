import { computed } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { showPane } from '../../model/panes.js';
import { go, place } from '../../model/place.js';
import { moveTo, open } from '../../model/shown-tree.js';
import { isMore, type MoreRow, type Row, type Tree, type TreeNode } from '../../model/tree.js';
import { keyAction, Typing, typedRow } from '../../model/tree-keys.js';
import { useVirtualRows } from '../parts/use-virtual-rows.js';
import { MoreLine, TreeLine } from './tree-line.js';

/** CSS pixels of a row. */
const ROW_HEIGHT = 26;

/** Rows before the end of what is loaded at which the next page is asked for. */
const PREFETCH_ROWS = 200;

/** A tree of any length; a few hundred rows of it are in the page. (WAI-ARIA Authoring Practices, tree view) */
export function TreeRows({ tree }: { tree: Tree }) {
  const scroller = useRef<HTMLDivElement>(null);
  const typing = useRef(new Typing());
  const rows = tree.rows.value;
  // Of this tree: another one may take its place while the list stays.
  const activeIndex = useMemo(() => {
    return computed(() => {
      const { value } = tree.active;
      return value ? tree.rows.value.indexOf(value) : -1;
    });
  }, [tree]);
  const active = activeIndex.value;
  // Keys begin at the first row where none is chosen.
  const cursor = Math.max(0, active);
  const shown = useVirtualRows(scroller, { count: rows.length, rowHeight: ROW_HEIGHT, kept: cursor });
  const { first, end, pageRows, reveal } = shown;
  useLayoutEffect(() => {
    if (active >= 0) reveal(active);
  }, [active, tree]);
  // Pages above the active row would push it down, page after page: the user asks for them.
  const isAutomatic = ({ more }: MoreRow, index: number) => !more.error && (active < index || !more.isBegun);
  useEffect(() => {
    for (let i = first; i < Math.min(rows.length, end + PREFETCH_ROWS); i++) {
      const row = rows[i]!;
      if (isMore(row) && isAutomatic(row, i)) void tree.load(row.more);
    }
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
    const row = rows[cursor];
    const node = row && !isMore(row) ? row : undefined;
    const action = keyAction(key, { rows, active: cursor, pageRows, isExpandable });
    if (action) typing.current.end();
    if (action?.kind === 'move') {
      moveToRow(rows, action.to, cursor);
      reveal(action.to);
    } else if (action?.kind === 'expand') void tree.expand(node!);
    else if (action?.kind === 'collapse') tree.collapse(node!);
    else if (action?.kind === 'open') activate(node!);
    else if (key === ' ' && !typing.current.isUnderWay(event.timeStamp)) {
      if (node) activate(node);
    } else if ([...key].length === 1) {
      const to = typedRow(rows, active, typing.current.add(key, event.timeStamp));
      if (to >= 0) moveToRow(rows, to, cursor);
    } else return;
    event.preventDefault();
  };
  return (
    <div class="tree-frame">
      <Columns />
      <div class="tree-scroller" ref={scroller} onScroll={shown.onScroll}>
        <div
          role="tree"
          ref={takeIdleFocus}
          aria-label={place.value.layer === undefined ? 'Merged tree' : `Tree of layer ${place.value.layer}`}
          aria-activedescendant={rowId(cursor)}
          tabIndex={0}
          style={{ height: `${shown.height}px` }}
          onKeyDown={press}
        >
          {shown.rows.map(({ index, top }) => {
            const row = rows[index];
            if (!row) return null;
            const style = { transform: `translateY(${top}px)`, height: `${ROW_HEIGHT}px` };
            if (isMore(row))
              return (
                <MoreLine
                  key={`more ${row.more.path}`}
                  row={row}
                  style={style}
                  isAutomatic={isAutomatic(row, index)}
                  onLoad={() => void tree.load(row.more)}
                />
              );
            return (
              <TreeLine
                key={keyOf(row)}
                id={rowId(index)}
                node={row}
                isActive={index === active}
                isCursor={index === cursor}
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

/** Keys work at once after an image was opened: nothing else has the focus then. */
function takeIdleFocus(element: HTMLElement | null): void {
  if (document.activeElement === document.body) element?.focus({ preventScroll: true });
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
  showPane('file');
  queueMicrotask(() => document.getElementById('file-pane')?.focus());
}
