import type { Publication, PublishedArtifact, PublishedIndex, PublishPlace } from '../publish/publication.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { Fetching } from './fetch/fetching.js';

/** The layer indexes of images that are published in registries. */
export interface IndexPublishing {
  /**
   * Publishes the indexes of the image's layers, which own passes made and the cache has.
   * @throws LayerslayerError UNAUTHORIZED, naming the scope; INVALID_ARGUMENT for an image on this
   *   machine without an index repository; IO_FAILED if an index is not cached; network codes
   * @param options.known what was published earlier: the same files are mounted from there
   */
  publish(
    image: ResolvedImage,
    place: PublishPlace,
    options?: { known?: readonly PublishedIndex[]; signal?: AbortSignal },
  ): Promise<Publication>;
  /** Returns the published indexes of the image's layers that this version reads. */
  find(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedIndex[]>;
  /** Lists the manifests of the image's layer indexes. */
  list(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedArtifact[]>;
  /** Removes them, and nothing else. @returns those that were removed */
  remove(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedArtifact[]>;
}

/** What publishing needs of its session. */
export interface PublishingSession {
  fetching: Pick<Fetching, 'ask'>;
  /** The session's end waits for the task. */
  tracked<T>(task: Promise<T>): Promise<T>;
  /** Returns a signal that is aborted with the session, or by `signal`. */
  endedBy(signal: AbortSignal | undefined): AbortSignal;
}

/** Publishes in the fetch thread. What writes to a registry is ended before its session is. */
export class FetchThreadPublishing implements IndexPublishing {
  readonly #session: PublishingSession;

  constructor(session: PublishingSession) {
    this.#session = session;
  }

  publish(
    image: ResolvedImage,
    place: PublishPlace,
    { known = [], signal }: { known?: readonly PublishedIndex[]; signal?: AbortSignal } = {},
  ): Promise<Publication> {
    const { fetching, tracked, endedBy } = this.#session;
    return tracked(fetching.ask({ ask: 'publish', image, place, known }, endedBy(signal)));
  }

  find(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedIndex[]> {
    return this.#session.fetching.ask({ ask: 'findPublished', image, place }, signal);
  }

  list(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedArtifact[]> {
    return this.#session.fetching.ask({ ask: 'listPublished', image, place }, signal);
  }

  remove(image: ResolvedImage, place: PublishPlace, signal?: AbortSignal): Promise<PublishedArtifact[]> {
    const { fetching, tracked, endedBy } = this.#session;
    return tracked(fetching.ask({ ask: 'removePublished', image, place }, endedBy(signal)));
  }
}
