import { z } from '@hono/zod-openapi';
import type { ImageSession } from '../../engine/image-session.js';
import type { Digest } from '../../oci/digest.js';
import { leaseImage } from '../images/with-view.js';
import { type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS } from '../schemas/parameters.js';
import { REFERRERS, TAGS } from '../schemas/results.js';
import type { ServerState } from '../server-state.js';

/** What a registry lists: nothing is opened or cached. */
export function registryRoutes(state: ServerState): Route[] {
  const { images, rules } = state;
  return [
    route({
      path: '/api/v1/tags',
      summary: 'the tags of a repository, or the names of the images in a layout or archive',
      query: z.strictObject({ image: IMAGE_PARAMETERS.image }),
      answers: {
        200: { description: 'the tags', content: [{ mediaType: 'application/json', schema: TAGS }] },
      },
      async handle({ query, signal, afterwards }) {
        const { reference } = rules.asked(query.image);
        const { session, release } = images.lendSession();
        afterwards(release);
        const tags: string[] = [];
        for await (const page of session.tags(reference, signal)) tags.push(...page);
        return { kind: 'json', body: tags, headers: { 'Cache-Control': 'no-cache' } };
      },
    }),
    route({
      path: '/api/v1/referrers',
      summary: 'what refers to an image in its registry: signatures, SBOMs, layer indexes',
      query: z.strictObject({
        ...IMAGE_PARAMETERS,
        artifactType: z.string().min(1).max(255).optional().openapi({ description: 'only of this type' }),
      }),
      answers: {
        200: { description: 'descriptors', content: [{ mediaType: 'application/json', schema: REFERRERS }] },
      },
      async handle(call) {
        const { query, signal } = call;
        const { lease } = await leaseImage(state, call);
        const { reference, digest } = lease.opened.resolved;
        const offer = await lease.session.listImages(reference, signal);
        const subjects = offer.isIndex ? [digest, offer.digest] : [digest];
        const lists = await Promise.all(
          subjects.map((subject) =>
            referrers(lease.session, { reference, subject, artifactType: query.artifactType, signal }),
          ),
        );
        return { kind: 'json', body: lists.flat(), headers: { 'Cache-Control': 'no-cache' } };
      },
    }),
  ];
}

async function referrers(
  session: ImageSession,
  {
    reference,
    subject,
    artifactType,
    signal,
  }: { reference: string; subject: Digest; artifactType: string | undefined; signal: AbortSignal },
): Promise<z.input<typeof REFERRERS>> {
  const found = await session.referrers(reference, subject, artifactType, signal);
  return found.map((one) => ({
    subject,
    mediaType: one.mediaType,
    digest: one.digest,
    size: one.size,
    ...(one.artifactType !== undefined && { artifactType: one.artifactType }),
    ...(one.annotations && { annotations: one.annotations }),
  }));
}
