import { place } from '../../model/place.js';

/** Returns the parameters that name the page's image. */
export function imageQuery(): { image: string; platform: string | undefined } {
  const { image, platform } = place.value;
  return { image, platform };
}
