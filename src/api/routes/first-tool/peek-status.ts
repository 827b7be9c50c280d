import { z } from '@hono/zod-openapi';
import { SILENT_LOG } from '../../../base/log.js';
import { ContentStore } from '../../../cache/content-store.js';
import type { ImageLease } from '../../images/served-images.js';
import type { Reply } from '../../routing/route.js';
import type { ServerState } from '../../server-state.js';
import { indexedMs } from './indexed-layers.js';

const LAYER_STATUS = z.object({
  idx: z.number().int().openapi({ description: 'from 0, base first' }),
  digest: z.string(),
  size: z.number().openapi({ description: 'compressed bytes' }),
  peeked: z.boolean().openapi({ description: 'its index is cached' }),
  peeked_at: z.string().nullable().openapi({ description: 'when the index was written (ISO 8601)' }),
  entries_count: z.number().int().nullable(),
});

/** Answer of `/peek/status`. */
export const PEEK_STATUS = z
  .object({
    image: z.string().openapi({ description: 'the canonical reference' }),
    config_digest: z.string(),
    config_cached: z.boolean(),
    layer_count: z.number().int(),
    layers: z.array(LAYER_STATUS),
    peeked_count: z.number().int(),
    unpeeked_count: z.number().int(),
  })
  .openapi('PeekStatus');

/** Returns which layers of an image have an index. Reads no layer. */
export async function peekStatus(
  { cacheDirectory }: ServerState,
  { opened }: ImageLease,
): Promise<Reply & { kind: 'json' }> {
  const { reference, manifest } = opened.resolved;
  const store = ContentStore.forReading(cacheDirectory, SILENT_LOG, { isUse: false });
  const layers: z.input<typeof LAYER_STATUS>[] = [];
  for (const [idx, { digest, size }] of manifest.layers.entries()) {
    const cached = await opened.cachedLayer(idx + 1);
    const writtenMs = cached && indexedMs(store, digest, cached.layer.origin);
    layers.push({
      idx,
      digest,
      size,
      peeked: cached !== undefined,
      peeked_at: writtenMs === undefined ? null : new Date(writtenMs).toISOString(),
      entries_count: cached?.entries.length ?? null,
    });
  }
  const peeked = layers.filter((layer) => layer.peeked).length;
  const body: z.input<typeof PEEK_STATUS> = {
    image: reference,
    config_digest: manifest.config.digest,
    config_cached: store.has('manifest', manifest.config.digest),
    layer_count: layers.length,
    layers,
    peeked_count: peeked,
    unpeeked_count: layers.length - peeked,
  };
  return { kind: 'json', body, headers: { 'Cache-Control': 'no-store' } };
}
