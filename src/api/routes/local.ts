import { z } from '@hono/zod-openapi';
import { SILENT_LOG } from '../../base/log.js';
import { ContentStore } from '../../cache/content-store.js';
import { type LiveMount, listLiveMounts } from '../../daemon/status/live-mounts.js';
import { CachedImages } from '../../image/cached/cached-images.js';
import { formatPlatform } from '../../oci/platform.js';
import { HttpFault } from '../answers/http-status.js';
import { type Route, route } from '../routing/route.js';
import { IMAGES, MOUNTS } from '../schemas/local.js';
import type { ServerState } from '../server-state.js';

/** What only concerns this user: mounts and cache. */
export function localRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/mounts',
      summary: 'the mounts of this user',
      query: z.strictObject({}),
      answers: {
        200: { description: 'the mounts', content: [{ mediaType: 'application/json', schema: MOUNTS }] },
      },
      async handle() {
        checkShowsLocal(state);
        const mounts = await listLiveMounts(state.uid);
        return { kind: 'json', body: mounts.map(mountRecord), headers: NO_STORE };
      },
    }),
    route({
      path: '/api/v1/images',
      summary: 'the images of this cache',
      query: z.strictObject({}),
      answers: {
        200: { description: 'the images', content: [{ mediaType: 'application/json', schema: IMAGES }] },
      },
      async handle() {
        checkShowsLocal(state);
        await state.images.writeRecords();
        return { kind: 'json', body: await cachedImages(state), headers: NO_STORE };
      },
    }),
  ];
}

/** @throws HttpFault FORBIDDEN */
export function checkShowsLocal({ showsLocal }: ServerState): void {
  if (showsLocal) return;
  throw new HttpFault('FORBIDDEN', 'on this address the cache and mounts of its user need --show-local');
}

const NO_STORE = { 'Cache-Control': 'no-store' };

/** The kernel's data only, if the daemon does not answer. */
function mountRecord({ mount, state, status }: LiveMount): object {
  return { ...(status ?? { mountpoint: mount.mountpoint, image: mount.source }), state };
}

async function cachedImages({
  cacheDirectory: directory,
  indexSources,
}: ServerState): Promise<z.input<typeof IMAGES>> {
  const files = await ContentStore.forReading(directory, SILENT_LOG, { isUse: false }).entries();
  const images = new CachedImages(directory, indexSources).images(files);
  return images.map(({ digests: _, platform, usedMs, ...image }) => ({
    ...image,
    platform: formatPlatform(platform),
    lastUsed: `${new Date(usedMs).toISOString().slice(0, 'YYYY-MM-DDThh:mm'.length)}Z`,
  }));
}
