import type { ContentStore } from '../../cache/content-store.js';
import type { Digest } from '../../oci/digest.js';
import { parseManifest } from '../../oci/manifest.js';

/** The manifests and image indexes of a cache, by what they list. */
export class CachedDocuments {
  readonly #listed = new Map<Digest, readonly Digest[]>(); // of an index: manifests; of a manifest: its config
  readonly #parents = new Map<Digest, Digest[]>(); // indexes that list it

  /** @param digests of documents and configs in the store */
  constructor(store: ContentStore, digests: readonly Digest[]) {
    for (const digest of digests) {
      const listed = listedIn(store.readSync('manifest', digest));
      this.#listed.set(digest, listed.digests);
      if (!listed.isIndex) continue;
      for (const child of listed.digests) {
        const parents = this.#parents.get(child);
        if (parents) parents.push(digest);
        else this.#parents.set(child, [digest]);
      }
    }
  }

  /** Returns a manifest, its config, and the indexes that lead to it. */
  around(manifest: Digest): Digest[] {
    return [...this.#ancestors(manifest), manifest, ...(this.#listed.get(manifest) ?? [])];
  }

  /** Returns all of `around`, and all that these indexes list, with their configs. */
  family(manifest: Digest): Digest[] {
    return reached([manifest, ...this.#ancestors(manifest)], (digest) => this.#listed.get(digest));
  }

  #ancestors(manifest: Digest): Digest[] {
    return reached([manifest], (digest) => this.#parents.get(digest)).slice(1);
  }
}

/** Returns what a walk reaches from `start`, each once. */
function reached(
  start: readonly Digest[],
  next: (digest: Digest) => readonly Digest[] | undefined,
): Digest[] {
  const found = new Set(start);
  for (const digest of found) for (const one of next(digest) ?? []) found.add(one);
  return [...found];
}

/** A config, or damage, lists nothing. */
function listedIn(bytes: Uint8Array | undefined): { isIndex: boolean; digests: readonly Digest[] } {
  try {
    const document = parseManifest(bytes ?? new Uint8Array(), 'cached manifest');
    if (document.kind === 'manifest') return { isIndex: false, digests: [document.manifest.config.digest] };
    return { isIndex: true, digests: document.manifests.map(({ digest }) => digest) };
  } catch {
    return { isIndex: false, digests: [] };
  }
}
