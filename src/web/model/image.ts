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

async function load(reference: string, platform: string | undefined, aborted: AbortSignal): Promise<void> {
  try {
    const found = await getJson<ImageRecord>('image', { image: reference, platform }, { signal: aborted });
    image.value = found;
    if (found.layers.every(({ indexed }) => indexed)) {
      isIndexed.value = true;
      return;
    }
    for await (const { event, data } of events(reference, platform, aborted)) {
      if (event === 'progress') progress.value = data as ProgressRecord;
      if (event === 'error') throw faultOf(data);
      if (event !== 'indexed') continue;
      image.value = await getJson<ImageRecord>('image', { image: reference, platform }, { signal: aborted });
      isIndexed.value = true;
      return;
    }
    throw new ApiError('NETWORK', 'the server ended', 0);
  } catch (error) {
    if (aborted.aborted) return;
    imageError.value = error instanceof ApiError ? error : new ApiError('INTERNAL', String(error), 0);
  }
}

function faultOf(data: unknown): ApiError {
  const { code, message } = data as { code: string; message: string };
  return new ApiError(code, message, 200);
}
