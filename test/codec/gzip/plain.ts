/** Uncompressed bytes of the kinds that matter to a decoder; the same for the same seed. */

export type PlainKind = (typeof PLAIN_KINDS)[number];
export const PLAIN_KINDS = ['zeros', 'noise', 'letters', 'skewed', 'short repeats', 'copies'] as const;

/** Numerical Recipes' generator: the tests need the same bytes each time, not good randomness. */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function plain(kind: PlainKind, length: number, seed = 1): Uint8Array {
  const random = randomSource(seed);
  const bytes = new Uint8Array(length);
  const fill = (next: (i: number) => number) => {
    for (let i = 0; i < length; i++) bytes[i] = next(i);
  };
  switch (kind) {
    case 'zeros':
      break;
    case 'noise':
      fill(() => random(256));
      break;
    case 'letters':
      fill(() => 97 + random(4));
      break;
    case 'skewed': // many code lengths, up to the longest
      fill(() => Math.floor(256 * (random(1000) / 1000) ** 8));
      break;
    case 'short repeats': {
      // Every distance from 1 to 40, so the pattern copy and the border to the plain copy.
      let period = 1;
      fill((i) => {
        if (i % 1000 === 0) period = 1 + random(40);
        return (i % period) * 7;
      });
      break;
    }
    case 'copies': {
      // Matches of all lengths from all distances, some beyond 32 KiB back.
      let i = 0;
      while (i < length) {
        if (i > 20 && random(3) > 0) {
          const distance = 1 + random(Math.min(i, random(2) > 0 ? 60 : 33_000));
          for (let end = Math.min(length, i + 3 + random(300)); i < end; i++) bytes[i] = bytes[i - distance]!;
        } else bytes[i++] = random(256);
      }
    }
  }
  return bytes;
}
