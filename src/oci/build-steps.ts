import type { HistoryStep, ImageConfig } from './image-config.js';

/** A build step and the layer that it made. */
export interface BuildStep extends HistoryStep {
  layer?: number; // from 1, base first; absent if the step made none
}

/**
 * Returns the history with the layers that its steps made. Builders may write too few or too many
 * steps (squashed or rebased images). Then no step has a layer.
 */
export function buildSteps(config: ImageConfig, layerCount: number): BuildStep[] {
  const making = config.history.filter((step) => !step.emptyLayer).length;
  let layer = 0;
  return config.history.map((step) =>
    step.emptyLayer || making !== layerCount ? { ...step } : { ...step, layer: ++layer },
  );
}

/** Returns the command that made a layer (from 1); undefined if the history does not say. */
export function createdBy(steps: readonly BuildStep[], layer: number): string | undefined {
  return steps.find((step) => step.layer === layer)?.createdBy;
}
