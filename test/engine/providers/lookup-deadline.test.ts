import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logTo } from '#src/base/log.js';
import type { Fetching } from '#src/engine/fetch/fetching.js';
import { PublishedProviders } from '#src/engine/providers/published-providers.js';
import type { Digest } from '#src/oci/digest.js';
import type { ResolvedImage } from '#src/source/image-source.js';

const digest = `sha256:${'1'.repeat(64)}` as Digest;
const image = { reference: 'registry.example/app:1', digest } as ResolvedImage;
const blob = { mediaType: 'x/y', digest, size: 640_000 };
const index = { layer: digest, blob, version: 3, repository: 'registry.example/app' };

/** A fetch thread that never answers the question `silent`. */
function silentAt(silent: string) {
  const aborted: string[] = [];
  const ask = ({ ask }: { ask: string }, signal: AbortSignal) => {
    if (ask !== silent) return Promise.resolve([index]);
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        aborted.push(ask);
        reject(signal.reason);
      }),
    );
  };
  return { fetching: { ask } as unknown as Fetching, aborted };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a registry that never ends its answer about published indexes', () => {
  it.each([
    ['findPublished', 15_000, 'looking for indexes in registry.example/app: not done within 15 s'],
    ['readPublished', 30_000, 'not done within 30 s'], // 20 s, and 64 bytes an ms
  ])('at %s delays a layer by %d ms', async (question, ms, message) => {
    const { fetching, aborted } = silentAt(question);
    const logged: string[] = [];
    const log = logTo((level, text) => logged.push(`${level}: ${text}`));
    const wanted = { digest, size: 1_000_000, numbers: [1] };
    const sources = { trust: 'any' as const };
    const [provider] = new PublishedProviders(fetching, log).of(image, wanted as never, sources);
    let found: unknown = 'waiting';
    void provider!.find(new AbortController().signal, []).then((result) => {
      found = result;
    });
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect([found, aborted]).toEqual(['waiting', []]);
    await vi.advanceTimersByTimeAsync(1);
    expect([found, aborted]).toEqual([undefined, [question]]);
    expect(logged).toEqual([expect.stringContaining(message)]);
  });
});
