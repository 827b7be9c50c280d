import { type HierarchyRectangularNode, hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { UsageRecord, UsageTotalRecord } from '../../../api/schemas/results.js';
import { layerClass, sizeText } from '../../model/format.js';
import { go, place } from '../../model/place.js';
import { shownPath } from '../../model/raw-path.js';
import { imageQuery } from '../parts/image-query.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PlaceLink } from '../parts/place-link.js';
import { RequestState } from '../parts/request-state.js';
import { useLines } from '../parts/requests.js';
import { useStat } from '../parts/use-stat.js';
import { Breadcrumbs } from './breadcrumbs.js';
import { percentText, type UsageNode, usageTree } from './usage-tree.js';

/** Rows that are read, the largest first. What is smaller would be no pixel wide. */
const ROWS_MAX = 2_000;

/** Rows of the list. */
const LISTED_MAX = 300;

type Line = UsageRecord | UsageTotalRecord;

const isRow = (line: Line): line is UsageRecord => 'bytes' in line;
const isTotal = (line: Line): line is UsageTotalRecord => 'total' in line;

/** The bytes below the path as areas, and the same as a list. Of a file: those of its directory. */
export function Treemap() {
  const { path, layer } = place.value;
  const own = useStat(path === '/' ? undefined : { path, layer });
  const entry = own.value?.entry;
  if (path === '/') return <Below path={path} />;
  if (entry?.state === 'live') return <Below path={entry.kind === 'dir' ? path : parentOf(path)} />;
  return (
    <section class="view treemap-view" aria-label="Treemap">
      <Breadcrumbs path={path} />
      <RequestState request={own} what="sizes" />
      {own.isDone && own.error === undefined && (
        <p class="note" role="status">
          {layer === undefined ? (
            'The merged tree'
          ) : (
            <>
              Layer <LayerBadge layer={layer} />
            </>
          )}{' '}
          has nothing here.{' '}
          <PlaceLink to={{ path: '/', file: undefined }}>Show the treemap of the root</PlaceLink>
        </p>
      )}
    </section>
  );
}

function Below({ path }: { path: string }) {
  const { layer } = place.value;
  const query = { ...imageQuery(), path, layer };
  const byLayer = layer === undefined || undefined;
  const rows = useLines<Line>(
    'du',
    { ...query, depth: 2, files: true, layers: byLayer, sort: 'size' },
    ROWS_MAX,
  );
  // The total is the last line: of a stream that was cut it is asked for.
  const rest = useLines<Line>('du', rows.isCut ? { ...query, depth: 0 } : undefined);
  const bytes = [...rows.rows.slice(-1), ...rest.rows].find(isTotal)?.total.bytes;
  const usage = rows.rows.filter(isRow);
  const root = useMemo(
    () => usageTree(usage, path, { totalBytes: bytes, layer }),
    [rows, usage.length, path, bytes, layer],
  );
  return (
    <section class="view treemap-view" aria-label="Treemap">
      <Breadcrumbs path={path} />
      {bytes !== undefined && (
        <p class="faint">
          {sizeText(bytes)} in files below. Area is size
          {layer === undefined && ', colour is the layer with most of it'}.
        </p>
      )}
      <RequestState request={rows} what="sizes" />
      {rows.isDone && rows.error === undefined && (
        <div class="treemap-both">
          <Areas root={root} />
          <List root={root} />
        </div>
      )}
    </section>
  );
}

type Cell = HierarchyRectangularNode<UsageNode>;

/** Room for the name of a directory above its areas, CSS pixels. */
const HEADING = 20;

/** Smallest area with a name, CSS pixels. */
const [NAMED_WIDTH, NAMED_HEIGHT] = [44, 16];

function Areas({ root }: { root: UsageNode }) {
  const element = useRef<HTMLFieldSetElement>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  useLayoutEffect(() => {
    const measure = () => setSize([element.current!.clientWidth, element.current!.clientHeight]);
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    measure();
    return () => observer.disconnect();
  }, []);
  const laidOut = useMemo(() => {
    const data = hierarchy(root).sum((node) => (node.children.length === 0 ? node.bytes : 0));
    const isGroup = (node: Cell) => node.depth === 1 && node.children !== undefined;
    return treemap<UsageNode>()
      .tile(treemapSquarify)
      .size(size)
      .round(true)
      .paddingInner(2)
      .paddingOuter((node) => (isGroup(node) ? 2 : 0))
      .paddingTop((node) => (isGroup(node) ? HEADING : 0))(data);
  }, [root, size]);
  const cells = (laidOut.children ?? []).filter(({ x0, x1, y0, y1 }) => x1 - x0 >= 2 && y1 - y0 >= 2);

  // One of the areas has the focus, and arrows move it: with Tab there would be hundreds of stops.
  const [active, setActive] = useState(0);
  useEffect(() => setActive(0), [root.path]);
  const onKeyDown = (event: KeyboardEvent) => {
    const last = cells.length - 1;
    const next = {
      ArrowRight: active + 1,
      ArrowDown: active + 1,
      ArrowLeft: active - 1,
      ArrowUp: active - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === 'Backspace' || event.key === '-') zoomOut(root.path);
    else if (event.key === '+') zoomTo(cells[active]?.data);
    else if (next === undefined) return;
    else focusCell(Math.max(0, Math.min(last, next)));
    event.preventDefault();
  };
  const focusCell = (index: number) => {
    setActive(index);
    element.current?.querySelectorAll<HTMLElement>('.treemap-cell')[index]?.focus();
  };
  return (
    <fieldset
      class="treemap"
      ref={element}
      aria-label="Areas. Enter zooms in, Backspace zooms out"
      onKeyDown={onKeyDown}
    >
      {cells.map((cell, index) => (
        <Area
          key={`${cell.data.path} ${cell.data.isRest}`}
          cell={cell}
          isActive={index === active}
          onFocus={() => setActive(index)}
        />
      ))}
      {cells.length === 0 && <p class="note">No file below has bytes.</p>}
    </fieldset>
  );
}

function zoomTo(node: UsageNode | undefined): void {
  if (node === undefined || node.isRest) return;
  if (isDirectory(node)) go({ path: node.path, file: undefined });
  else go({ view: 'tree', path: node.path, file: undefined });
}

function zoomOut(path: string): void {
  if (path !== '/') go({ path: parentOf(path), file: undefined });
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** A directory counts itself. */
function isDirectory({ children, entries }: UsageNode): boolean {
  return children.length > 0 || entries > 1;
}

/** A child of the path, with its own children drawn inside. */
function Area({ cell, isActive, onFocus }: { cell: Cell; isActive: boolean; onFocus: () => void }) {
  const { data } = cell;
  const name = data.isRest ? data.name : shownPath(data.name);
  return (
    <button
      type="button"
      class={`treemap-cell ${colorOf(data)}`}
      style={placeOf(cell)}
      tabIndex={isActive ? 0 : -1}
      title={`${name}, ${sizeText(data.bytes)}`}
      disabled={data.isRest}
      onClick={() => zoomTo(data)}
      onFocus={onFocus}
    >
      <span class={isNamed(cell) ? 'treemap-name' : 'unseen'}>{name}</span>
      <span class="unseen">, {sizeText(data.bytes)}</span>
      {(cell.children ?? []).map((child) => (
        <span
          key={`${child.data.path} ${child.data.isRest}`}
          class={`treemap-inner ${colorOf(child.data)}`}
          aria-hidden="true"
          style={placeOf(child, cell)}
          title={`${shownPath(child.data.path)}, ${sizeText(child.data.bytes)}`}
        >
          {isNamed(child) && (child.data.isRest ? child.data.name : shownPath(child.data.name))}
        </span>
      ))}
    </button>
  );
}

function colorOf({ layer, isRest }: UsageNode): string {
  return isRest || layer === 0 ? 'no-layer' : layerClass(layer);
}

function isNamed({ x0, x1, y0, y1 }: Cell): boolean {
  return x1 - x0 >= NAMED_WIDTH && y1 - y0 >= NAMED_HEIGHT;
}

function placeOf({ x0, x1, y0, y1 }: Cell, parent?: Cell) {
  const [left, top] = [x0 - (parent?.x0 ?? 0), y0 - (parent?.y0 ?? 0)];
  return { left: `${left}px`, top: `${top}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` };
}

function List({ root }: { root: UsageNode }) {
  const { children, bytes: all } = root;
  return (
    <div class="table-scroller">
      <table class="numbers">
        <caption class="unseen">Sizes below {shownPath(root.path)}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Size</th>
            <th scope="col">Share</th>
            <th scope="col">Layer</th>
          </tr>
        </thead>
        <tbody>
          {children.slice(0, LISTED_MAX).map((node) => (
            <tr
              key={`${node.path} ${node.isRest}`}
              class={node.path === place.value.path && !node.isRest ? 'chosen' : ''}
            >
              <th scope="row">{node.isRest ? <i>{node.name}</i> : <Name node={node} />}</th>
              <td title={`${node.bytes.toLocaleString('en')} bytes`}>{sizeText(node.bytes)}</td>
              <td>{percentText(node.bytes, all)}</td>
              <td>{node.layer > 0 && <LayerBadge layer={node.layer} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {children.length > LISTED_MAX && <p class="note">and {children.length - LISTED_MAX} smaller ones</p>}
    </div>
  );
}

function Name({ node }: { node: UsageNode }) {
  if (!isDirectory(node))
    return (
      <PlaceLink to={{ view: 'tree', path: node.path, file: undefined }}>{shownPath(node.name)}</PlaceLink>
    );
  return <PlaceLink to={{ path: node.path, file: undefined }}>{shownPath(node.name)}/</PlaceLink>;
}
