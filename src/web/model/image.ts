import { computed, effect, signal } from '@preact/signals';
import type { ImageRecord } from '../../api/schemas/image.js';
import type { ProgressRecord } from '../../api/schemas/progress.js';
import { ApiError, events, getJson } from './api.js';
import { place } from './place.js';

/** The image of the page. */
export const image = signal<ImageRecord | undefined>(undefined);

/** Why there is none, or why it can't be indexed. */
export const imageError = signal<ApiError | undefined>(undefined);

/** Of its layers' indexes; undefined: not begun, or not needed. */
export const progress = signal<ProgressRecord | undefined>(undefined);

/** Whether all layers are indexed: then trees can be shown. */
export const isIndexed = signal(false);

/** The server wants a token that this page does not have. */
export const needsToken = computed(() => imageError.value?.code === 'TOKEN_REQUIRED');

/** Counts up to ask again: after a token was entered, or by the user. */
export const retries = signal(0);

/** Loads what `place` names, and indexes it. Called once. */
export function followPlace(): void {
  const wanted = computed(() => `${retries.value} ${place.value.platform ?? ''} ${place.value.image}`);
  effect(() => {
    void wanted.value;
    const controller = new AbortController();
    const { image: reference, platform } = place.peek();
    image.value = undefined;
    imageError.value = undefined;
    progress.value = undefined;
    isIndexed.value = false;
    if (reference !== '') void load(reference, platform, controller.signal);
    return () => controller.abort();
  });
}

/** How often in a row the events are asked for again when the connection breaks. */
const RETRIES = 3;

const RETRY_MS = 700;

async function load(reference: string, platform: string | undefined, aborted: AbortSignal): Promise<void> {
  const ask = () => getJson<ImageRecord>('image', { image: reference, platform }, { signal: aborted });
  try {
    const found = await ask();
    image.value = found;
    if (!found.layers.every(({ indexed: isKnown }) => isKnown)) {
      await indexed(reference, platform, aborted);
      image.value = await ask();
    }
    isIndexed.value = true;
  } catch (error) {
    if (aborted.aborted) return;
    imageError.value = error instanceof ApiError ? error : new ApiError('INTERNAL', String(error), 0);
  }
}

/** Follows the events until all layers are indexed. @throws ApiError; AbortError */
async function indexed(image: string, platform: string | undefined, aborted: AbortSignal): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      for await (const { event, data } of events(image, platform, aborted)) {
        if (event === 'indexed') return;
        if (event === 'error') throw faultOf(data);
        if (event !== 'progress') continue;
        progress.value = data as ProgressRecord;
        failures = 0;
      }
      throw new ApiError('NETWORK', 'the server ended', 0);
    } catch (error) {
      const isBroken = error instanceof ApiError && error.code === 'NETWORK';
      if (!isBroken || ++failures > RETRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    aborted.throwIfAborted();
  }
}

function faultOf(data: unknown): ApiError {
  const { code, message } = data as { code: string; message: string };
  return new ApiError(code, message, 200);
}
