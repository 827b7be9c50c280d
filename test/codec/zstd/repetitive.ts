import { randomSource } from '../gzip/plain.js';

/**
 * Bytes as layers have them: words of a vocabulary, and passages that came before, up to 8 MiB
 * back.
 */
export function repetitive(length: number, seed = 1): Buffer {
  const random = randomSource(seed);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const size = Math.min(length - at, 20 + random(3000));
    if (at > 4000 && random(4) > 0) {
      const from = at - 3001 - random(Math.min(at - 3001, 8_000_000));
      bytes.copyWithin(at, from, from + size);
    } else {
      for (let i = 0; i < size; i++) bytes[at + i] = 32 + random(random(2) === 0 ? 6 : 90);
    }
    at += size;
  }
  return bytes;
}
