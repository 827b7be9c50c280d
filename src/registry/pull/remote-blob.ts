import type { ErrorCode } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import { withDeadline } from '../../base/tasks/deadline.js';
import { oneLine } from '../../base/text/one-line.js';
import type { Blob } from '../../blob/blob.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import { contentLengthOf, type HttpAnswer, headerOf } from '../http/http-exchange.js';
import { answerFault } from '../requests/answer-fault.js';
import type { FirstContact } from '../requests/first-contact.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { Retry, type RetryOptions } from '../requests/retry.js';
import type { BlobRoute } from './blob-route.js';
import type { Runner, Traffic } from './second-request.js';

/** Ms for one `read`, such as of a layer's head. File-system reads have a deadline of their own. */
const READ_DEADLINE_MS = 55_000;

export interface RemoteBlobLimits {
  readDeadlineMs?: number; // of one `read`; `stream` has none while bytes come
  secondRequestMs?: number; // of silence, until a layer's bytes are asked for a second time
  onBytes?: (count: number) => void; // body bytes as they come, also those that are discarded
}

/** What all requests to the registry share. */
export interface RemoteBlobOptions extends RemoteBlobLimits {
  retry: RetryOptions;
  contact: FirstContact;
  traffic: Traffic;
}

type Deliver = (chunk: Uint8Array) => void | Promise<void>;

/** Offsets of the first and the last byte that an answer holds. */
type Bounds = Pick<ContentRange, 'first' | 'last'>;

/**
 * A blob in a registry, read by closed single ranges (`bytes=a-b`): registries answer open and
 * multiple ones wrongly. Each answer is checked against its request. A transfer that breaks resumes
 * at the byte reached. Digests are not checked here.
 */
export class RemoteBlob implements Blob {
  readonly digest: Digest;
  readonly size: number;
  readonly #route: BlobRoute;
  readonly #options: RemoteBlobOptions;
  /** The registry refused or mangled a range: from now on, requests ask for the whole blob. */
  #rangesFail = false;
  /** The answer to the last range was the whole blob. */
  #rangeIgnored = false;

  constructor({ digest, size }: Descriptor, route: BlobRoute, options: RemoteBlobOptions) {
    this.digest = digest;
    this.size = size;
    this.#route = route;
    this.#options = options;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    const deliver = (chunk: Uint8Array) => {
      bytes.set(chunk, filled);
      filled += chunk.length;
    };
    const deadlineMs = this.#options.readDeadlineMs ?? READ_DEADLINE_MS;
    const doing = this.#doing(offset);
    await this.#options.contact.within(doing, signal, (contacting) =>
      withDeadline(deadlineMs, doing, contacting, (within) =>
        this.#transfer(offset, offset + length, deliver, within),
      ),
    );
    return bytes;
  }

  async stream(offset: number, end: number, onChunk: Deliver, signal?: AbortSignal): Promise<void> {
    await this.#options.contact.within(this.#doing(offset), signal, (within) =>
      this.#transfer(offset, end, onChunk, within),
    );
  }

  get servesRanges(): boolean {
    return !this.#rangesFail && !this.#rangeIgnored;
  }

  /** After bytes with a wrong digest: the next request asks the registry on another connection. */
  reconnect(): void {
    this.#route.forget();
    this.#options.retry.renew?.();
  }

  async #transfer(start: number, end: number, deliver: Deliver, signal: AbortSignal): Promise<void> {
    let position = start;
    let consumerFailed = false;
    let busy: Promise<void> | undefined; // the consumer, with the last chunk
    const retry = new Retry({ ...this.#options.retry, renew: () => this.reconnect() });
    const onward: Deliver = (chunk) => {
      position += chunk.length;
      retry.progressed();
      const failed = (error: unknown) => {
        consumerFailed = true;
        throw error;
      };
      try {
        busy = deliver(chunk)?.catch(failed);
        return busy;
      } catch (error) {
        return failed(error);
      }
    };
    while (position < end) {
      try {
        const { traffic, secondRequestMs } = this.#options;
        const onSecond = () => {
          this.#options.retry.log?.debug(`${this.#doing(position)}: silence, asking a second time`);
          this.#options.retry.renew?.();
        };
        const canRepeat = () => this.servesRanges;
        await traffic.send({ afterMs: secondRequestMs, canRepeat, onSecond, signal }, (runner, within) =>
          this.#attempt(position, end, onward, runner, within),
        );
      } catch (error) {
        if (consumerFailed) throw error;
        // The consumer may still be busy with the last chunk: the next try must not overtake it.
        if (busy) await abortable(busy, signal);
        await retry.next(error, signal);
      }
    }
  }

  /** One request. Delivers bytes from `position` on, perhaps fewer than wanted. */
  async #attempt(
    position: number,
    end: number,
    deliver: Deliver,
    runner: Runner,
    signal: AbortSignal,
  ): Promise<void> {
    const whole = this.#rangesFail || (position === 0 && end === this.size);
    const answer = await this.#route.open(whole ? undefined : `bytes=${position}-${end - 1}`, signal);
    const { first, last } = await this.#bounds(answer, position, end, whole);
    let skip = position - first;
    const due = Math.min(end, last + 1) - position;
    let left = due;
    let received = 0;
    await answer.body.consume((chunk) => {
      this.#options.onBytes?.(chunk.length);
      received += chunk.length;
      const from = Math.min(skip, chunk.length);
      skip -= from;
      const wanted = chunk.subarray(from, Math.min(chunk.length, from + left));
      if (received > last + 1 - first || (wanted.length > 0 && !runner.claim())) {
        answer.body.cancel();
        return undefined;
      }
      left -= wanted.length;
      // A 200, or a wider 206, has more than was asked for. The rest is dropped.
      if (left === 0 && last >= end) answer.body.cancel();
      return wanted.length > 0 ? runner.delivering(deliver(wanted) ?? undefined) : undefined;
    });
    if (received > last + 1 - first) {
      const came = `more bytes than ${first}-${last} of ${this.size} came`;
      throw this.#fault('DIGEST_MISMATCH', came, position, answer);
    }
    if (left === due) {
      const message = `${this.#doing(position)}: got no bytes from ${answer.url.host}`;
      throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'backoff');
    }
  }

  /** Checks an answer's status and headers. */
  async #bounds(answer: HttpAnswer, position: number, end: number, whole: boolean): Promise<Bounds> {
    if (answer.status === 206 && !whole) {
      this.#rangeIgnored = false;
      return this.#partBounds(answer, position, end);
    }
    if (answer.status === 200) {
      if (!whole) this.#rangeIgnored = true;
      return this.#wholeBounds(answer, position);
    }
    if (answer.status === 416 && !whole) {
      answer.body.discard();
      this.#rangesFail = true;
      throw this.#fault('REGISTRY_UNAVAILABLE', 'got 416, want 206', position, answer);
    }
    this.#route.forget();
    throw await answerFault(answer, this.#doing(position), whole ? '200' : '206');
  }

  #wholeBounds(answer: HttpAnswer, position: number): Bounds {
    const length = contentLengthOf(answer);
    const type = headerOf(answer, 'content-type') ?? '';
    const isWrong = length === undefined ? /\bhtml\b/i.test(type) : length !== this.size;
    if (!isWrong) return { first: 0, last: this.size - 1 };
    answer.body.cancel();
    const got = length === undefined ? `a page (${oneLine(type)})` : `${length} bytes`;
    const said = `got ${got}, its descriptor says ${this.size} bytes`;
    throw this.#fault('DIGEST_MISMATCH', said, position, answer);
  }

  #partBounds(answer: HttpAnswer, position: number, end: number): Bounds {
    const range = parseContentRange(headerOf(answer, 'content-range'));
    if (range?.first === position && (range.size ?? this.size) === this.size && range.last < this.size)
      return range;
    answer.body.cancel();
    if (!range) {
      this.#rangesFail = true;
      throw this.#fault('REGISTRY_UNAVAILABLE', 'got 206 without a valid Content-Range', position, answer);
    }
    if (range.first === position) {
      const said = `got a blob of ${range.size ?? range.last + 1} bytes, its descriptor says ${this.size}`;
      throw this.#fault('DIGEST_MISMATCH', said, position, answer);
    }
    const said = `got bytes ${range.first}-${range.last}, want ${position}-${end - 1}`;
    throw this.#fault('REGISTRY_UNAVAILABLE', said, position, answer);
  }

  #fault(code: ErrorCode, said: string, position: number, { url }: HttpAnswer): RegistryFault {
    return new RegistryFault(code, `${this.#doing(position)}: ${said} from ${url.host}`, 'once');
  }

  #doing(position: number): string {
    return `reading layer ${shortDigest(this.digest)} at ${position}`;
  }
}

/** Content-Range of a 206. RFC 9110, section 14.4. */
interface ContentRange {
  first: number; // byte offsets, both inside
  last: number;
  size: number | undefined; // of the whole blob; undefined for `*`
}

/** Returns the range of a Content-Range header; undefined if missing, or not a range of bytes. */
export function parseContentRange(text: string | undefined): ContentRange | undefined {
  const found = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(text ?? '');
  if (!found) return undefined;
  const [first, last] = [Number(found[1]), Number(found[2])];
  const size = found[3] === '*' ? undefined : Number(found[3]);
  if (last < first || (size !== undefined && last >= size)) return undefined;
  return { first, last, size };
}
