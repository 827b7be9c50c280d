import { layerClass } from '../../model/format.js';

/** A layer: number and colour together. */
export function LayerBadge({ layer, isHider = false }: { layer: number; isHider?: boolean }) {
  const title = isHider ? `hidden by layer ${layer}` : `layer ${layer}`;
  return (
    <span class={`badge ${layerClass(layer)}${isHider ? ' hider' : ''}`} title={title}>
      {isHider ? '✗' : ''}
      {layer}
    </span>
  );
}

/** Badges that fit into a row. */
const BADGES_MAX = 4;

export function LayerBadges({ layers }: { layers: readonly number[] }) {
  // Of many, the upper ones: they differ from one directory to the next.
  const shown = layers.length > BADGES_MAX ? layers.slice(1 - BADGES_MAX) : layers;
  const more = layers.length - shown.length;
  return (
    <>
      {more > 0 && (
        <span class="badge more" title={`layers ${layers.join(', ')}`}>
          +{more}
        </span>
      )}
      {shown.map((layer) => (
        <LayerBadge key={layer} layer={layer} />
      ))}
    </>
  );
}
