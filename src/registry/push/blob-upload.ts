import type { Blob } from '../../blob/blob.js';
import { type Digest, isDigest, shortDigest } from '../../oci/digest.js';
import type { Endpoint } from '../endpoint.js';
import {
  type Exchange,
  type HttpAnswer,
  type HttpMethod,
  headerOf,
  type UploadBody,
} from '../http/http-exchange.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { Retry, type RetryOptions } from '../requests/retry.js';
import { finalUrl, type UploadLocation, uploadLocation } from './upload-location.js';

/** Bytes of the largest blob in one request. Of larger ones, a fault costs one chunk. */
const MONOLITHIC_MAX = 16 * 1024 * 1024;
/** Bytes of a chunk. */
const CHUNK_SIZE = 16 * 1024 * 1024;
/** Bytes of a chunk after a registry or proxy found a body too large: nginx allows 1 MiB. */
const SMALL_CHUNK_SIZE = 1024 * 1024;
/** The largest OCI-Chunk-Min-Length that counts, in bytes. */
const CHUNK_MIN_LENGTH_MAX = 256 * 1024 * 1024;
/** Bytes passed to the connection at once. */
const PIECE_SIZE = 64 * 1024;

/** A blob to upload. Each try reads its bytes again. */
export interface BlobSource extends Pick<Blob, 'size' | 'read'> {
  digest: Digest;
}

export interface BlobUploadParts {
  registry: string; // as in a reference
  repository: string;
  endpoint: Endpoint;
  /** Sends to the registry, with authorization to push. @param from as in `Access` */
  toRegistry(from?: string): Exchange;
  toStorage: Exchange; // with redirects only
  retry: RetryOptions;
  /** One HEAD of the blob, without retries. */
  isThere(digest: Digest, signal: AbortSignal): Promise<boolean>;
}

/**
 * One blob's upload (distribution-spec, "Pushing blobs"): POST opens a session, then one PUT, or
 * PATCHes and a PUT. After a fault the session is asked for its bytes and continues there. If it is
 * gone, another one begins. A digest mismatch ends the upload: the bytes are not sent again.
 */
export class BlobUpload {
  readonly #source: BlobSource;
  readonly #parts: BlobUploadParts;
  readonly #doing: string;
  readonly #retry: Retry;
  #session: UploadLocation | undefined;
  #position = 0; // bytes that the session has
  #furthest = 0; // bytes that any session had: less is no progress
  #isChunked: boolean;
  #chunkSize = CHUNK_SIZE;

  constructor(source: BlobSource, parts: BlobUploadParts) {
    this.#source = source;
    this.#parts = parts;
    this.#doing = `uploading ${shortDigest(source.digest)} to ${parts.registry}/${parts.repository}`;
    this.#retry = new Retry(parts.retry);
    this.#isChunked = source.size > MONOLITHIC_MAX;
  }

  /**
   * @param mountFrom a repository of the registry that may have the blob
   * @throws RegistryFault UNAUTHORIZED, DIGEST_MISMATCH, network codes; what the source throws
   */
  async run(mountFrom: string | undefined, signal: AbortSignal): Promise<'mounted' | 'uploaded'> {
    if (mountFrom !== undefined && (await this.#mount(mountFrom, signal))) return 'mounted';
    for (let isFirst = true; ; isFirst = false) {
      try {
        // The answer to the last request may have been lost.
        if (!isFirst && (await this.#parts.isThere(this.#source.digest, signal))) return 'uploaded';
        if (!isFirst) await this.#askPosition(signal);
        await this.#send(signal);
        return 'uploaded';
      } catch (error) {
        await this.#retry.next(error, signal);
      }
    }
  }

  /** @returns whether the blob was mounted. Otherwise a session may be open */
  async #mount(from: string, signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#open(`?mount=${this.#source.digest}&from=${from}`, from, signal);
      if (answer.status === 201) {
        answer.body.discard();
        return true;
      }
      if (answer.status === 202) this.#begin(answer);
      answer.body.discard();
    } catch (error) {
      signal.throwIfAborted();
      // Without the right to read `from`, or after a fault, the bytes are uploaded.
      this.#parts.retry.log?.debug(`${this.#doing}: not mounted from ${from}: ${(error as Error).message}`);
    }
    return false;
  }

  async #send(signal: AbortSignal): Promise<void> {
    if (!this.#session) {
      const answer = await this.#open('', undefined, signal);
      if (answer.status !== 202) throw await answerFault(answer, this.#doing, '202');
      this.#begin(answer);
      answer.body.discard();
    }
    const { size } = this.#source;
    if (this.#isChunked || this.#position > 0) {
      while (this.#position < size) await this.#sendChunk(signal);
      await this.#finish(size, signal);
    } else await this.#finish(0, signal);
  }

  #open(query: string, from: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const { endpoint, repository, toRegistry } = this.#parts;
    const url = new URL(`/v2/${repository}/blobs/uploads/${query}`, endpoint.origin);
    return toRegistry(from)({ method: 'POST', url, headers: {} }, signal);
  }

  #begin(answer: HttpAnswer): void {
    this.#session = uploadLocation(answer, this.#parts.endpoint, this.#doing);
    this.#position = 0;
    const least = Number(headerOf(answer, 'oci-chunk-min-length'));
    if (least > this.#chunkSize) this.#chunkSize = Math.min(least, CHUNK_MIN_LENGTH_MAX);
  }

  async #sendChunk(signal: AbortSignal): Promise<void> {
    const start = this.#position;
    const end = Math.min(start + this.#chunkSize, this.#source.size);
    const headers = {
      'content-type': 'application/octet-stream',
      'content-range': `${start}-${end - 1}`,
    };
    const body = this.#bytes(start, end, signal);
    const answer = await this.#toSession('PATCH', this.#session!.url, { headers, body }, signal);
    if (answer.status !== 202 && answer.status !== 201 && answer.status !== 204) {
      throw await this.#chunkFault(answer);
    }
    answer.body.discard();
    this.#follow(answer);
    const taken = positionIn(answer) ?? end;
    if (taken <= start || taken > end) {
      this.#session = undefined;
      const message = `${this.#doing}: ${answer.url.host} has ${taken} bytes after bytes ${start}-${end - 1}`;
      throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'backoff');
    }
    this.#reached(taken);
  }

  /** Ends the session. @param start of the bytes that it has not yet */
  async #finish(start: number, signal: AbortSignal): Promise<void> {
    const { digest, size } = this.#source;
    const session = this.#session!;
    const headers = { 'content-type': 'application/octet-stream' };
    const body = this.#bytes(start, size, signal);
    const answer = await this.#toSession('PUT', finalUrl(session, digest), { headers, body }, signal);
    if (answer.status !== 201 && answer.status !== 200 && answer.status !== 204) {
      throw await this.#finalFault(answer);
    }
    answer.body.discard();
    const stored = headerOf(answer, 'docker-content-digest');
    if (!isDigest(stored) || stored === digest || !stored.startsWith('sha256:')) return;
    const message = `${this.#doing}: ${answer.url.host} stored ${shortDigest(stored)}`;
    throw new RegistryFault('DIGEST_MISMATCH', message, 'never');
  }

  /** Asks the session how many bytes it has. A session that does not say so is dropped. */
  async #askPosition(signal: AbortSignal): Promise<void> {
    if (!this.#session) return;
    const answer = await this.#toSession('GET', this.#session.url, {}, signal);
    answer.body.discard();
    const position = positionIn(answer);
    const isOpen = answer.status === 204 || answer.status === 202 || answer.status === 200;
    if (!isOpen || position === undefined || position > this.#source.size) {
      this.#session = undefined;
      return;
    }
    if (headerOf(answer, 'location') !== undefined) this.#follow(answer);
    this.#reached(position);
  }

  /** Sessions that end after the same chunk again and again must not loop. */
  #reached(position: number): void {
    this.#position = position;
    if (position <= this.#furthest) return;
    this.#furthest = position;
    this.#retry.progressed();
  }

  #toSession(
    method: HttpMethod,
    url: URL,
    request: { headers?: Record<string, string>; body?: UploadBody },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { isRegistry, senderNearby } = this.#session!;
    const { toRegistry, toStorage } = this.#parts;
    const { headers = {}, body } = request;
    const asked = { method, url, headers, ...(body && { body }) };
    if (isRegistry) return toRegistry()(asked, signal);
    return toStorage({ ...asked, ...(senderNearby !== undefined && { senderNearby }) }, signal);
  }

  /** Each answer may name another location for the next request. */
  #follow(answer: HttpAnswer): void {
    if (headerOf(answer, 'location') === undefined) return;
    this.#session = uploadLocation(answer, this.#parts.endpoint, this.#doing);
  }

  async #chunkFault(answer: HttpAnswer): Promise<RegistryFault> {
    const { status } = answer;
    const fault = await answerFault(answer, this.#doing, '202');
    if (status === 413 && this.#chunkSize > SMALL_CHUNK_SIZE) {
      this.#chunkSize = SMALL_CHUNK_SIZE;
      return again(fault);
    }
    if (status === 416) return again(fault); // the session says where it is
    if (status === 404) {
      this.#session = undefined;
      return again(fault);
    }
    if (status === 400 || status === 405 || status === 411 || status === 501) {
      // No chunks here: the next session gets all bytes at once.
      this.#session = undefined;
      this.#isChunked = false;
      return again(fault);
    }
    return fault;
  }

  async #finalFault(answer: HttpAnswer): Promise<RegistryFault> {
    const { status } = answer;
    const fault = await answerFault(answer, this.#doing, '201');
    if (DIGEST_REFUSED.test(fault.message)) {
      return new RegistryFault('DIGEST_MISMATCH', fault.message, 'never', fault.detail);
    }
    if (status === 413 && !this.#isChunked) {
      this.#isChunked = true;
      this.#chunkSize = SMALL_CHUNK_SIZE;
      return again(fault);
    }
    if (status === 400 || status === 404 || status === 416) {
      this.#session = undefined;
      return again(fault);
    }
    return fault;
  }

  #bytes(start: number, end: number, signal: AbortSignal): UploadBody {
    const source = this.#source;
    return {
      length: end - start,
      async *chunks() {
        for (let offset = start; offset < end; offset += PIECE_SIZE) {
          yield await source.read(offset, Math.min(PIECE_SIZE, end - offset), signal);
        }
      },
    };
  }
}

/** distribution-spec, "Error Codes": the provided digest did not match the uploaded bytes. */
const DIGEST_REFUSED = /: DIGEST_INVALID\b/;

/** A fault of this session only: the whole upload is tried again, a few times. */
function again(fault: RegistryFault): RegistryFault {
  return new RegistryFault('REGISTRY_UNAVAILABLE', fault.message, 'backoff', fault.detail);
}

/**
 * Returns how many bytes a session has, by `Range: 0-LAST`. docker-registry writes `0-0` for none,
 * and so does the spec for a session that begins.
 */
function positionIn(answer: HttpAnswer): number | undefined {
  const found = /^\s*(?:bytes=)?0-(\d{1,15})\s*$/.exec(headerOf(answer, 'range') ?? '');
  if (!found) return undefined;
  const last = Number(found[1]);
  return last === 0 ? 0 : last + 1;
}
