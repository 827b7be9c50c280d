import { useRef } from 'preact/hooks';
import { image, imageError, retries } from '../model/image.js';
import { type PaneWidths, resetWidth, setWidth, WIDTH_MIN, widths } from '../model/pane-widths.js';
import { type Pane, pane, showPane } from '../model/panes.js';
import { place, type View } from '../model/place.js';
import { tree } from '../model/shown-tree.js';
import { Compare } from './compare/compare.js';
import { EntryPane } from './entry/entry-pane.js';
import { Find } from './find/find.js';
import { Hidden } from './hidden/hidden.js';
import { LayersPane } from './layers/layers-pane.js';
import { Fault } from './parts/fault.js';
import { PlaceLink } from './parts/place-link.js';
import { TreePane } from './tree/tree-pane.js';
import { Treemap } from './treemap/treemap.js';

const PANES: readonly (readonly [Pane, string])[] = [
  ['layers', 'Layers'],
  ['main', 'Files'],
  ['file', 'Entry'],
];

const VIEWS: readonly (readonly [View, string, () => preact.JSX.Element | null])[] = [
  ['tree', 'Tree', TreePane],
  ['treemap', 'Treemap', Treemap],
  ['hidden', 'Hidden', Hidden],
  ['find', 'Find', Find],
  ['compare', 'Compare', Compare],
];

/** Layers, a view of the image, and an entry. */
export function Panes() {
  const { layers, file } = widths.value;
  const style: Record<string, string> = {};
  if (layers !== undefined) style['--layers-width'] = `${layers}px`;
  if (file !== undefined) style['--file-width'] = `${file}px`;
  return (
    <>
      <nav class="tabs" aria-label="Panes">
        {PANES.map(([name, text]) => (
          <button
            key={name}
            type="button"
            aria-pressed={pane.value === name}
            onClick={() => {
              showPane(name);
            }}
          >
            {text}
          </button>
        ))}
      </nav>
      <main class="panes" data-pane={pane.value} style={style}>
        <section class="pane pane-layers" aria-label="Layers">
          <LayersPane />
        </section>
        <Divider name="layers" side={1} label="Width of the layers" />
        <section class="pane pane-main" id="main-pane" aria-label="Image" tabIndex={-1}>
          <MainView />
        </section>
        <Divider name="file" side={-1} label="Width of the entry" />
        <section class="pane pane-file" id="file-pane" aria-label="Entry" tabIndex={-1}>
          {image.value && <EntryPane />}
        </section>
      </main>
    </>
  );
}

function MainView() {
  const { view } = place.value;
  // Where a layer can't be indexed, the trees of the others can still be shown.
  const isRefused = imageError.value !== undefined && (view !== 'tree' || !tree.value);
  const [, , Shown] = VIEWS.find(([name]) => name === view)!;
  return (
    <>
      <nav class="tab-bar views" aria-label="Views">
        {VIEWS.map(([name, text]) => (
          <PlaceLink key={name} to={{ view: name }} isCurrent={name === view}>
            {text}
          </PlaceLink>
        ))}
      </nav>
      {isRefused ? (
        <Fault error={imageError.value!} onRetry={() => retries.value++} />
      ) : image.value ? (
        <Shown />
      ) : (
        <p class="note">Asking the registry…</p>
      )}
    </>
  );
}

interface DividerProps {
  name: keyof PaneWidths;
  side: 1 | -1; // its pane is on the left, or on the right
  label: string;
}

/** Width of a step of the arrow keys, in CSS pixels. */
const STEP = 24;

/** A line that can be dragged, or moved by arrow keys. A double click resets it. */
function Divider({ name, side, label }: DividerProps) {
  const line = useRef<HTMLHRElement>(null);
  const measured = () => {
    const { current } = line;
    const beside = side === 1 ? current?.previousElementSibling : current?.nextElementSibling;
    return beside?.getBoundingClientRect().width ?? WIDTH_MIN;
  };
  const drag = (event: PointerEvent) => {
    const target = event.currentTarget as HTMLElement;
    const from = measured();
    const move = ({ clientX }: PointerEvent) => setWidth(name, from + side * (clientX - event.clientX));
    target.setPointerCapture(event.pointerId);
    target.addEventListener('pointermove', move);
    target.addEventListener('lostpointercapture', () => target.removeEventListener('pointermove', move), {
      once: true,
    });
  };
  const steps: Record<string, number> = { ArrowLeft: -STEP, ArrowRight: STEP };
  return (
    <hr
      ref={line}
      class="divider"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={widths.value[name] ?? WIDTH_MIN}
      aria-valuemin={WIDTH_MIN}
      tabIndex={0}
      onPointerDown={drag}
      onDblClick={() => resetWidth(name)}
      onKeyDown={({ key }) => {
        const step = steps[key];
        if (step !== undefined) setWidth(name, measured() + side * step);
      }}
    />
  );
}
