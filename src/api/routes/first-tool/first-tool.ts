import type { Route } from '../../routing/route.js';
import type { ServerState } from '../../server-state.js';
import { carveRoutes } from './carve.js';
import { fslogRoutes } from './fslog.js';
import { fslogSearchRoutes } from './fslog-search.js';
import { historyRoutes } from './history.js';
import { layerDownloadRoutes } from './layer-download.js';
import { peekRoutes } from './peek.js';
import { repositoryRoutes } from './repositories.js';

/**
 * The routes that the first tool of this name had at its root, with its parameters: unknown ones
 * are ignored, and layers count from 0. (rule C74)
 */
export function firstToolRoutes(state: ServerState): Route[] {
  return [
    peekRoutes,
    fslogRoutes,
    fslogSearchRoutes,
    historyRoutes,
    carveRoutes,
    layerDownloadRoutes,
    repositoryRoutes,
  ].flatMap((routes) => routes(state));
}
