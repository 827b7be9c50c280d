import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { OpenedImage } from '../../image/opened-image.js';
import { createdBy } from '../../oci/build-steps.js';
import { formatPlatform } from '../../oci/platform.js';
import type { ImageOffer } from '../../source/image-source.js';
import { isFresh } from '../answers/etag.js';
import { type Route, route } from '../routing/route.js';
import { IMAGE } from '../schemas/image.js';
import { IMAGE_PARAMETERS } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';

export function imageRoutes({ images, rules }: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/image',
      summary: 'an image: platforms, config, build steps, layers. Needs no index',
      query: z.strictObject(IMAGE_PARAMETERS),
      answers: {
        200: { description: 'the image', content: [{ mediaType: 'application/json', schema: IMAGE }] },
      },
      async handle({ query, header, signal }) {
        const asked = rules.asked(query.image, query.platform);
        const lease = await images.open(asked, signal);
        try {
          const offer = await lease.offer(signal);
          const body = await imageRecord(lease.opened, offer);
          // Not `immutable`, by digest either: layers get their indexes.
          const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url')}"`;
          const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
          if (isFresh(header('if-none-match'), etag)) return { kind: 'empty', status: 304, headers };
          return { kind: 'json', body, headers };
        } finally {
          lease.release();
        }
      },
    }),
  ];
}

async function imageRecord(opened: OpenedImage, offer: ImageOffer): Promise<z.input<typeof IMAGE>> {
  const { reference, digest, platform, manifest, config } = opened.resolved;
  const { diffIds, container, history: _, ...described } = config;
  const layers = await Promise.all(
    manifest.layers.map(async (layer, i) => {
      const cached = await opened.cachedLayer(i + 1);
      return {
        number: i + 1,
        digest: layer.digest,
        ...(diffIds[i] !== undefined && { diffId: diffIds[i] }),
        mediaType: layer.mediaType,
        size: layer.size,
        indexed: cached !== undefined,
        ...(cached && { entries: cached.entries.length }),
        ...(createdBy(opened.steps, i + 1) !== undefined && { step: createdBy(opened.steps, i + 1) }),
      };
    }),
  );
  return {
    reference,
    digest,
    ...(offer.isIndex && { indexDigest: offer.digest }),
    platform: formatPlatform(platform),
    platforms: offer.images.map((one) => ({ ...one, platform: formatPlatform(one.platform) })),
    config: { ...described, ...container },
    steps: [...opened.steps],
    layers,
  };
}
