import { layerClass } from '../../model/format.js';
import { upperLayers } from './upper-layers.js';

interface LayerBadgeProps {
  layer: number;
  isHider?: boolean;
  class?: string;
}

/** A layer: number and colour together. */
export function LayerBadge({ layer, isHider = false, class: more = '' }: LayerBadgeProps) {
  const title = isHider ? `hidden by layer ${layer}` : `layer ${layer}`;
  return (
    <span class={`badge ${layerClass(layer)}${isHider ? ' hider' : ''} ${more}`} title={title}>
      {isHider ? '✗' : ''}
      {layer}
    </span>
  );
}

/** CSS pixels for badges in a row, and in a row of a narrow pane: as in tree.css. */
const [WIDE, NARROW] = [108, 76];

/** The layers of a directory. Of many, the upper ones: they differ from one directory to the next. */
export function LayerBadges({ layers }: { layers: readonly number[] }) {
  const wide = upperLayers(layers, WIDE);
  const narrow = upperLayers(layers, NARROW);
  const widthClass = (layer: number) => (narrow.includes(layer) ? '' : 'only-wide');
  return (
    <>
      <MoreBadge layers={layers} count={layers.length - wide.length} class="only-wide" />
      <MoreBadge layers={layers} count={layers.length - narrow.length} class="only-narrow" />
      {wide.map((layer) => (
        <LayerBadge key={layer} layer={layer} class={widthClass(layer)} />
      ))}
    </>
  );
}

function MoreBadge({ layers, count, ...more }: { layers: readonly number[]; count: number; class: string }) {
  if (count === 0) return null;
  return (
    <span class={`badge more ${more.class}`} title={`layers ${layers.join(', ')}`}>
      +{count}
    </span>
  );
}
