import type { ArgumentKind, ArgumentSpec } from '../options/option-table.js';
import type { Known } from './known.js';
import { NOTHING, type Offers, offerWords } from './offers.js';

/** The usual platforms: `docker buildx` names these. */
const PLATFORMS = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/386',
  'linux/ppc64le',
  'linux/s390x',
  'linux/riscv64',
];

/** Offers words and what the kind of the argument offers. */
export async function argumentOffers(
  word: string,
  { spec, prefix }: { spec: ArgumentSpec; prefix: string },
  known: Known,
): Promise<Offers> {
  const { choices = [], takes } = spec;
  const words = choices.map((text) => ({ text }));
  const named = offerWords(word, prefix, words);
  if (takes === undefined) return named;
  const more = await offersOfKind(takes, word, prefix, known);
  // Those of a kind may continue behind a longer prefix, where no word of ours does.
  if (more.prefix !== prefix) return more;
  return { ...more, candidates: [...named.candidates, ...more.candidates] };
}

/** Loads what a kind needs: modules are most of a completion's time. */
async function offersOfKind(kind: ArgumentKind, word: string, prefix: string, known: Known): Promise<Offers> {
  switch (kind) {
    case 'file':
    case 'directory':
      return { ...NOTHING, prefix, files: kind };
    case 'platform':
      return offerWords(
        word,
        prefix,
        PLATFORMS.map((text) => ({ text })),
      );
    case 'mountpoint':
      return (await import('./mountpoint-offers.js')).mountpointOffers(word, known.place);
    case 'image':
      return (await import('./image-offers.js')).imageOffers(word, known);
    case 'image-path':
      return (await import('./path-offers.js')).pathOffers(word, known);
  }
}
