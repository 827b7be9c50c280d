import type { Route } from '../routing/route.js';
import type { ServerState } from '../server-state.js';
import { diffRoutes } from './diff.js';
import { duRoutes } from './du.js';
import { eventRoutes } from './events.js';
import { fileRoutes } from './file.js';
import { findRoutes } from './find.js';
import { firstToolRoutes } from './first-tool/first-tool.js';
import { healthRoutes } from './health.js';
import { imageRoutes } from './image.js';
import { layerRoutes } from './layers.js';
import { localRoutes } from './local.js';
import { metricsRoutes } from './metrics.js';
import { registryRoutes } from './registry.js';
import { statRoutes } from './stat.js';
import { staticRoutes } from './static.js';
import { tarRoutes } from './tar.js';
import { ticketRoutes } from './ticket.js';
import { treeRoutes } from './tree.js';

/** Returns all routes of the server, with the schemas of what they take and answer. */
export function allRoutes(state: ServerState): Route[] {
  return [
    staticRoutes,
    healthRoutes,
    ticketRoutes,
    imageRoutes,
    treeRoutes,
    statRoutes,
    duRoutes,
    findRoutes,
    diffRoutes,
    tarRoutes,
    fileRoutes,
    layerRoutes,
    eventRoutes,
    registryRoutes,
    localRoutes,
    metricsRoutes,
    firstToolRoutes,
  ].flatMap((routes) => routes(state));
}
