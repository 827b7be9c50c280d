import { registryReference } from '../../../oci/image-location.js';
import { defaultPlatform, formatPlatform } from '../../../oci/platform.js';
import { imageTitle } from '../../terminal/wording/result-line.js';
import type { Request } from './actions.js';
import type { Selection } from './selection.js';

/**
 * Returns the words of a request: `run` for the command, `shown` as the user could type them. `run`
 * names the image by digest, since a tag may have moved meanwhile.
 * @param common options of `interactive` that all commands have
 */
export function requestWords(
  { command, options, operands }: Request,
  { name, image }: Selection,
  common: readonly string[],
): { run: string[]; shown: string } {
  const platform = formatPlatform(image.platform);
  const isDefault = platform === formatPlatform(defaultPlatform());
  const all = [...common, ...(isDefault ? [] : [`--platform=${platform}`]), ...options];
  const words = (reference: string) => {
    const bare = [reference, ...operands];
    return [...all, ...(bare.some((word) => word.startsWith('-')) ? ['--'] : []), ...bare];
  };
  return {
    run: words(pinnedReference(image)),
    shown: shellWords(['layerslayer', command, ...words(name)]),
  };
}

/** Of a registry's image by digest; images on this machine have no such name. */
export function pinnedReference(image: Pick<Selection['image'], 'reference' | 'digest'>): string {
  return registryReference(image.reference) ? imageTitle(image) : image.reference;
}

/** Characters that no shell reads anything into. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Words as they are typed in a shell. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
