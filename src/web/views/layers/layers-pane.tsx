import type { LayerRecord } from '../../../api/schemas/image.js';
import { stepLines } from '../../model/build-step.js';
import { layerClass, shortDigest, sizeText } from '../../model/format.js';
import { image, isIndexed, progress } from '../../model/image.js';
import { showPane } from '../../model/panes.js';
import { go, place } from '../../model/place.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { ImageFacts } from './image-facts.js';

/** The layers of the image: which are large, what made them, how far they are indexed. */
export function LayersPane() {
  const shown = image.value;
  if (!shown) return <p class="note">…</p>;
  const { layers } = shown;
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const largest = Math.max(1, ...layers.map(({ size }) => size));
  const { layer } = place.value;
  return (
    <>
      <div class="pane-head">
        <h2>Layers</h2>
        <span class="faint" title="compressed">
          {sizeText(total)}
        </span>
      </div>
      <div class="stack" aria-hidden="true">
        {layers.map(({ number, size }) => (
          <span
            key={number}
            class={`${layerClass(number)}${layer === undefined || layer === number ? '' : ' dim'}`}
            title={`layer ${number}, ${sizeText(size)}`}
            style={{ flexGrow: String(size / Math.max(1, total)) }}
          />
        ))}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between its buttons */}
      <div class="layer-list" onKeyDown={moveFocus}>
        <button
          type="button"
          class="layer merged"
          aria-pressed={layer === undefined}
          onClick={() => choose(undefined)}
        >
          <span class="layer-line">
            <span>All layers merged</span>
            <MergedState />
          </span>
        </button>
        {layers.map((one) => (
          <LayerButton key={one.number} layer={one} largest={largest} isChosen={layer === one.number} />
        ))}
      </div>
      <ImageFacts />
    </>
  );
}

interface LayerButtonProps {
  layer: LayerRecord;
  largest: number; // bytes
  isChosen: boolean;
}

function LayerButton({ layer, largest, isChosen }: LayerButtonProps) {
  const { number, size, step, digest } = layer;
  const text = step === undefined ? undefined : stepLines(step);
  const width = `${Math.max(0.5, (size / largest) * 100)}%`;
  return (
    <button
      type="button"
      class="layer"
      aria-pressed={isChosen}
      title={text ?? digest}
      onClick={() => choose(isChosen ? undefined : number)}
    >
      <span class="layer-line">
        <LayerBadge layer={number} />
        <span class="layer-bar" aria-hidden="true">
          <span class={layerClass(number)} style={{ width }} />
        </span>
        <span class="size">{sizeText(size)}</span>
      </span>
      <span class="step">{text ?? <span class="faint">no build step is recorded</span>}</span>
      <span class="layer-line faint">
        <LayerState layer={layer} />
        {isChosen && <span class="digest">{shortDigest(digest)}</span>}
      </span>
    </button>
  );
}

/** Entries of a layer, or how far it is indexed. */
function LayerState({ layer: { number, entries, indexed } }: { layer: LayerRecord }) {
  const at = progress.value?.layers.find(({ layer }) => layer === number);
  if (entries !== undefined) return <span>{countText(entries)}</span>;
  if (indexed || at?.state === 'done') return <span>indexed</span>;
  if (at?.state !== 'indexing') return <span>waits</span>;
  const percent = Math.floor((at.doneBytes / Math.max(1, at.totalBytes)) * 100);
  return (
    <span class="layer-progress">
      <span aria-hidden="true">⟳ </span>
      {percent} %
      <progress aria-label={`Layer ${number} is indexed`} max={100} value={percent} />
    </span>
  );
}

function MergedState() {
  const layers = image.value?.layers ?? [];
  if (isIndexed.value)
    return <span class="faint">{layers.length === 1 ? '1 layer' : `${layers.length} layers`}</span>;
  const done = progress.value?.layers.filter(({ state }) => state === 'done').length ?? 0;
  return (
    <span class="faint">
      {progress.value?.queued ? 'other images go first' : `${done} of ${layers.length} indexed`}
    </span>
  );
}

function countText(entries: number): string {
  return `${entries.toLocaleString('en')} ${entries === 1 ? 'entry' : 'entries'}`;
}

function choose(layer: number | undefined): void {
  showPane('main');
  const { view } = place.peek();
  go({ layer, view: view === 'treemap' ? view : 'tree' });
}

function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !(event.currentTarget instanceof Element)) return;
  const buttons = [...event.currentTarget.querySelectorAll('button')];
  const next = buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step];
  if (!next) return;
  next.focus();
  event.preventDefault();
}
