import { z } from '@hono/zod-openapi';
import { type Route, route } from '../routing/route.js';
import type { ServerState } from '../server-state.js';

const TEXT = z.string().openapi({ description: 'Prometheus text format 0.0.4' });

export function metricsRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/metrics',
      summary: 'counters for Prometheus',
      query: z.strictObject({}),
      answers: {
        200: { description: 'the counters', content: [{ mediaType: 'text/plain', schema: TEXT }] },
      },
      handle: () => ({
        kind: 'text',
        body: metricsText(state),
        mediaType: 'text/plain; version=0.0.4; charset=utf-8',
        headers: { 'Cache-Control': 'no-store' },
      }),
    }),
  ];
}

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [value: number, labels?: Labels];

function metricsText({ images, analyses, counts, startedMs }: ServerState): string {
  const usage = images.usage();
  const requests = counts
    .byRoute()
    .map(({ route: path, status, requests: count }): Sample => [count, { route: path, status }]);
  return [
    family('requests_total', 'counter', 'answers by route and status', requests),
    family('sent_bytes_total', 'counter', 'bytes of answers, with their heads', [[counts.sentBytes]]),
    family('open_answers', 'gauge', 'answers under way, with this one', [[counts.open]]),
    family('open_images', 'gauge', 'images that are open', [[usage.openImages]]),
    family('index_passes', 'gauge', 'images whose layers are being indexed or merged', [[usage.passes]]),
    family('analysis_threads', 'gauge', 'threads that merge, sum up, search or compare', [
      [analyses.threads.working],
    ]),
    family('idle_analysis_threads', 'gauge', 'threads that wait for the next such task', [
      [analyses.threads.idle],
    ]),
    family('fetched_bytes_total', 'counter', 'bytes of layers from registries', [[usage.bytesFetched]]),
    family('chunk_lookups_total', 'counter', 'lookups of decompressed chunks in memory', [
      [usage.cacheHits, { result: 'hit' }],
      [usage.cacheMisses, { result: 'miss' }],
    ]),
    family('resident_bytes', 'gauge', 'memory of this process', [[process.memoryUsage.rss()]]),
    family('start_time_seconds', 'gauge', 'when the server was started, since 1970', [[startedMs / 1000]]),
  ].join('');
}

/** (Prometheus, "Exposition formats") */
function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const full = `layerslayer_${name}`;
  const lines = samples.map(([value, labels]) => `${full}${labels ? labelText(labels) : ''} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

/** Values are ours: a route as it is declared, a number. They need no escapes. */
function labelText(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
}
