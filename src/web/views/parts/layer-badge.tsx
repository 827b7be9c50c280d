import { layerClass } from '../../model/format.js';

/** A layer: number and colour together. */
export function LayerBadge({ layer, isHider = false }: { layer: number; isHider?: boolean }) {
  if (layer === 0) return null;
  const title = isHider ? `hidden by layer ${layer}` : `layer ${layer}`;
  return (
    <span class={`badge ${layerClass(layer)}${isHider ? ' hider' : ''}`} title={title}>
      {isHider ? '✗' : ''}
      {layer}
    </span>
  );
}
