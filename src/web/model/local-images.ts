import { signal } from '@preact/signals';
import { ApiError, getJson } from './api.js';

/** An image in the cache of the server. */
export interface LocalImage {
  reference: string;
  digest: string;
  platform: string;
  layers: number;
  indexedLayers: number;
}

/** The one used last first; undefined: not loaded, or this server does not list them. */
export const localImages = signal<readonly LocalImage[] | undefined>(undefined);

/** The server lists them only with a token. */
export const localImagesNeedToken = signal(false);

export async function loadLocalImages(): Promise<void> {
  try {
    localImages.value = await getJson<LocalImage[]>('images', {});
    localImagesNeedToken.value = false;
  } catch (error) {
    localImages.value = undefined;
    localImagesNeedToken.value = error instanceof ApiError && error.code === 'TOKEN_REQUIRED';
  }
}
