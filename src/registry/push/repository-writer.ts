import { LayerslayerError } from '../../base/errors.js';
import { withDeadline } from '../../base/tasks/deadline.js';
import { type Digest, digestOf, isDigest, shortDigest } from '../../oci/digest.js';
import { MANIFEST_ACCEPT } from '../../oci/media-type.js';
import { type Access, scopeOf } from '../authorization/scope.js';
import { type Exchange, type HttpAnswer, headerOf, type UploadBody } from '../http/http-exchange.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { type RequestLimits, smallRequest } from '../requests/small-request.js';
import { type BlobSource, BlobUpload, type BlobUploadParts } from './blob-upload.js';

export type { BlobSource } from './blob-upload.js';

/** Ms for a HEAD of a blob. Without an answer the blob is uploaded. */
const HEAD_DEADLINE_MS = 5_000;

export interface RepositoryWriterParts
  extends RequestLimits,
    Pick<BlobUploadParts, 'registry' | 'repository' | 'endpoint' | 'toStorage'> {
  toRegistry(access: Access): Exchange;
}

/** A manifest to store. */
export interface ManifestToPut {
  mediaType: string;
  bytes: Uint8Array;
}

export interface StoredManifest {
  digest: Digest;
  /** The registry added it to the subject's referrers (`OCI-Subject`). */
  isReferrer: boolean;
}

/**
 * The writes to one repository (distribution-spec, "Push"). All of them throw RegistryFault: an
 * UNAUTHORIZED names the scope that is missing.
 */
export class RepositoryWriter {
  readonly #parts: RepositoryWriterParts;

  constructor(parts: RepositoryWriterParts) {
    this.#parts = parts;
  }

  /**
   * Stores a blob, unless the repository has it.
   * @param options.mountFrom a repository of the same registry that may have it
   * @returns how it came there
   */
  async putBlob(
    source: BlobSource,
    { mountFrom, signal }: { mountFrom?: string | undefined; signal: AbortSignal },
  ): Promise<'exists' | 'mounted' | 'uploaded'> {
    const { repository, contact } = this.#parts;
    const upload = new BlobUpload(source, {
      ...this.#parts,
      toRegistry: (from) => this.#exchange({ repository, action: 'push', from }),
      isThere: (digest, within) => this.#isThere(digest, within),
    });
    const doing = `uploading ${shortDigest(source.digest)}`;
    return contact.within(doing, signal, (within) =>
      this.#allowed('push', async () => {
        if (await this.#isThere(source.digest, within)) return 'exists';
        const from = mountFrom === repository ? undefined : mountFrom;
        return upload.run(from, within);
      }),
    );
  }

  /**
   * Stores a manifest. All that it names is there.
   * @param name a tag, or the digest of the bytes
   */
  async putManifest(
    name: string,
    { mediaType, bytes }: ManifestToPut,
    signal: AbortSignal,
  ): Promise<StoredManifest> {
    const digest = digestOf(bytes, isDigest(name) ? name : undefined);
    const doing = `pushing manifest ${this.#named(name)}`;
    const headers = { 'content-type': mediaType };
    return this.#allowed('push', () =>
      smallRequest(this.#parts, doing, signal, async (within) => {
        const answer = await this.#ask('PUT', `manifests/${name}`, { headers, body: bodyOf(bytes) }, within);
        if (!isDone(answer)) throw retriedIfRaced(await answerFault(answer, doing, '201'));
        answer.body.discard();
        const stored = headerOf(answer, 'docker-content-digest');
        if (isDigest(stored) && digestOf(bytes, stored) !== stored) {
          const message = `${doing}: ${answer.url.host} stored ${shortDigest(stored)}, not ${shortDigest(digest)}`;
          throw new RegistryFault('DIGEST_MISMATCH', message, 'never');
        }
        return { digest, isReferrer: headerOf(answer, 'oci-subject') !== undefined };
      }),
    );
  }

  /**
   * Deletes a manifest.
   * @returns false if it does not exist
   * @throws LayerslayerError UNSUPPORTED if the registry deletes nothing
   */
  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const doing = `deleting manifest ${this.#named(digest)}`;
    return this.#allowed('delete', () =>
      smallRequest(this.#parts, doing, signal, async (within) => {
        const answer = await this.#ask('DELETE', `manifests/${digest}`, {}, within);
        if (answer.status === 404) {
          answer.body.discard();
          return false;
        }
        if (answer.status === 405 || answer.status === 501) {
          answer.body.discard();
          const why = `${answer.url.host} does not allow deleting (got ${answer.status})`;
          throw new LayerslayerError('UNSUPPORTED', `${doing}: ${why}`);
        }
        if (!isDone(answer)) throw await answerFault(answer, doing, '202');
        answer.body.discard();
        return true;
      }),
    );
  }

  /** Returns whether the repository has the manifest. An unknown state counts as yes. */
  async hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const headers = { accept: MANIFEST_ACCEPT };
    const answer = await this.#ask('HEAD', `manifests/${digest}`, { headers }, signal);
    answer.body.discard();
    return answer.status !== 404;
  }

  /** Asks by one HEAD. Without a useful answer, the blob counts as missing: uploading is safe. */
  async #isThere(digest: Digest, signal: AbortSignal): Promise<boolean> {
    try {
      return await withDeadline(HEAD_DEADLINE_MS, `HEAD of ${digest}`, signal, async (within) => {
        const answer = await this.#ask('HEAD', `blobs/${digest}`, {}, within);
        answer.body.discard();
        return answer.status === 200;
      });
    } catch (error) {
      signal.throwIfAborted();
      this.#parts.retry.log?.debug(`uploading after: ${(error as Error).message}`);
      return false;
    }
  }

  #ask(
    method: 'HEAD' | 'PUT' | 'DELETE',
    path: string,
    request: { headers?: Record<string, string>; body?: UploadBody },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { endpoint, repository } = this.#parts;
    const url = new URL(`/v2/${repository}/${path}`, endpoint.origin);
    const { headers = {}, body } = request;
    const exchange = this.#exchange({ repository, action: method === 'DELETE' ? 'delete' : 'push' });
    return exchange({ method, url, headers, ...(body && { body }) }, signal);
  }

  #exchange(access: Access): Exchange {
    return this.#parts.endpoint.via(this.#parts.toRegistry(access));
  }

  /** Adds the missing scope to the message of an UNAUTHORIZED. */
  async #allowed<T>(action: Access['action'], task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof LayerslayerError) || error.code !== 'UNAUTHORIZED') throw error;
      const scope = scopeOf({ repository: this.#parts.repository, action });
      throw new RegistryFault('UNAUTHORIZED', `${error.message}; this needs the scope ${scope}`, 'never', {
        cause: error,
      });
    }
  }

  #named(name: string): string {
    const image = `${this.#parts.registry}/${this.#parts.repository}`;
    return isDigest(name) ? `${image}@${shortDigest(name)}` : `${image}:${name}`;
  }
}

function isDone({ status }: HttpAnswer): boolean {
  return status >= 200 && status <= 299;
}

/**
 * docker-registry refuses a manifest's digest while another client uploads one of its blobs: it
 * reads a link that is being written. The manifest is small and its digest is ours, so it is sent
 * again. (Seen with three clients that pushed the empty config at once.)
 */
function retriedIfRaced(fault: RegistryFault): RegistryFault {
  if (!/: DIGEST_INVALID\b/.test(fault.message)) return fault;
  return new RegistryFault('DIGEST_MISMATCH', fault.message, 'backoff', fault.detail);
}

function bodyOf(bytes: Uint8Array): UploadBody {
  return {
    length: bytes.length,
    async *chunks() {
      if (bytes.length > 0) yield bytes;
    },
  };
}
