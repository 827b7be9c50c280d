import { layerClass } from '../../model/format.js';

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

/** Badges that fit into a row, and into one of a narrow pane. */
const [BADGES_MAX, NARROW_MAX] = [4, 3];

/** The layers of a directory. Of many, the upper ones: they differ from one directory to the next. */
export function LayerBadges({ layers }: { layers: readonly number[] }) {
  const wide = upperLayers(layers, BADGES_MAX);
  const narrow = upperLayers(layers, NARROW_MAX);
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

/** Returns the layers that have a badge. If there are more, one badge says how many. */
export function upperLayers(layers: readonly number[], max: number): readonly number[] {
  return layers.length > max ? layers.slice(1 - max) : layers;
}

function MoreBadge({ layers, count, ...more }: { layers: readonly number[]; count: number; class: string }) {
  if (count === 0) return null;
  return (
    <span class={`badge more ${more.class}`} title={`layers ${layers.join(', ')}`}>
      +{count}
    </span>
  );
}
