import type { HistoryStep, ImageConfig } from './image-config.js';

/** A build step and the layer that it made. */
export interface BuildStep extends HistoryStep {
  layer?: number; // from 1, base first; left out for a step that made none
}

/**
 * The history with its layers. Builders may write too few or too many steps (squashed or rebased images): then nobody
 * can say which step made which layer, and no step has one.
 */
export function buildSteps(config: ImageConfig, layerCount: number): BuildStep[] {
  const making = config.history.filter((step) => !step.emptyLayer).length;
  let layer = 0;
  return config.history.map((step) =>
    step.emptyLayer || making !== layerCount ? { ...step } : { ...step, layer: ++layer },
  );
}

/** The command that made layer `number` (from 1), undefined when the history does not say. */
export function createdBy(config: ImageConfig, layerCount: number, number: number): string | undefined {
  return buildSteps(config, layerCount).find((step) => step.layer === number)?.createdBy;
}
