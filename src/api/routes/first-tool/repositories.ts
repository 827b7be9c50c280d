import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../../base/errors.js';
import { type Call, type Route, route } from '../../routing/route.js';
import { numberParameter } from '../../schemas/parameters.js';
import { TAGS } from '../../schemas/results.js';
import type { ServerState } from '../../server-state.js';
import { lease } from './open-image.js';
import { OLD_FLAG } from './parameters.js';

/** Docker Hub's own page. */
const PAGE_SIZE = 10;
const PAGE_SIZE_MAX = 1_000;
const PAGE_MAX = 1_000_000;

/** Also a registry: `localhost:5000`. */
const NAMESPACE = z.string().regex(/^[a-z\d][a-z\d._-]*(?::\d{1,5})?$/i, 'want a namespace');
const REPOSITORY = z.string().regex(/^[a-z\d][a-z\d._-]*$/, 'want a repository');
const TAG = z.string().regex(/^\w[\w.-]{0,127}$/, 'want a tag');

const REPOSITORY_PARAMETERS = z.object({ ns: NAMESPACE, repo: REPOSITORY });
const TAG_PARAMETERS = REPOSITORY_PARAMETERS.extend({ tag: TAG });

const CONFIG = z.looseObject({}).openapi('ImageConfig', { description: 'the image config, as it is' });

export function repositoryRoutes(state: ServerState): Route[] {
  const { images, rules } = state;
  return [
    route({
      path: '/repositories/{ns}/{repo}/tags/{tag}/config',
      summary: 'the config of an image, byte for byte',
      query: z.object({
        arch: z.string().max(256).optional().openapi({ description: '[OS/]ARCH[/VARIANT]' }),
        force_refresh: OLD_FLAG,
      }),
      parameters: TAG_PARAMETERS,
      answers: {
        200: { description: 'the config', content: [{ mediaType: 'application/json', schema: CONFIG }] },
      },
      async handle(call) {
        const { ns, repo, tag } = parametersOf(TAG_PARAMETERS, call);
        const asked = rules.asked(`${ns}/${repo}:${tag}`, call.query.arch);
        // An image that is open may be some seconds old.
        const { session, resolved } = call.query.force_refresh
          ? await resolveAgain(asked)
          : await leaseResolved(asked);
        const { config } = await session.documents(resolved, call.signal);
        return {
          kind: 'bytes',
          headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' },
          length: config.length,
          bytes: [config],
        };

        async function resolveAgain({ reference, platform }: typeof asked) {
          const { session, release } = images.lendSession();
          call.afterwards(release);
          return { session, resolved: await session.resolve(reference, platform, call.signal) };
        }
        async function leaseResolved(one: typeof asked) {
          const { session, opened } = await lease(state, one, call);
          return { session, resolved: opened.resolved };
        }
      },
    }),
    route({
      path: '/repositories/{ns}/{repo}/tags',
      summary: 'the tags of a repository, asked from its registry',
      query: z.object({
        page: numberParameter(1, PAGE_MAX).optional().openapi({ description: 'from 1; default: all tags' }),
        page_size: numberParameter(1, PAGE_SIZE_MAX)
          .optional()
          .openapi({ description: `default: ${PAGE_SIZE} if page is given` }),
      }),
      parameters: REPOSITORY_PARAMETERS,
      answers: {
        200: { description: 'the tags', content: [{ mediaType: 'application/json', schema: TAGS }] },
      },
      async handle(call) {
        const { ns, repo } = parametersOf(REPOSITORY_PARAMETERS, call);
        const { page, page_size: pageSize } = call.query;
        const isPaged = page !== undefined || pageSize !== undefined;
        const size = isPaged ? (pageSize ?? PAGE_SIZE) : Number.POSITIVE_INFINITY;
        const start = isPaged ? ((page ?? 1) - 1) * size : 0;
        const { reference } = rules.asked(`${ns}/${repo}`);
        const { session, release } = images.lendSession();
        call.afterwards(release);
        const tags: string[] = [];
        for await (const some of session.tags(reference, call.signal)) {
          tags.push(...some);
          if (tags.length >= start + size) break;
        }
        const body = tags.slice(start, start + size);
        return { kind: 'json', body, headers: { 'Cache-Control': 'no-cache' } };
      },
    }),
  ];
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function parametersOf<T>(schema: z.ZodType<T>, { parameters }: Pick<Call, 'parameters'>): T {
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  throw new LayerslayerError('INVALID_ARGUMENT', parsed.error.issues[0]?.message ?? 'wrong path');
}
