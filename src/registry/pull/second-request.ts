import { StallTimer } from '../http/stall-timer.js';

/** Ms without a byte until the same bytes are requested again, while others are served. */
const SECOND_REQUEST_MS = 3_000;

/** One of two requests for the same bytes. */
export interface Runner {
  /**
   * Called with wanted bytes only, so that skipped ones don't cancel the other request.
   * @returns whether these bytes count: false if the other request brought them first
   */
  claim(): boolean;
  /** Waits for the receiver. Silence counts from its end on. */
  delivering(received: Promise<void> | undefined): Promise<void> | undefined;
}

export interface SecondRequestOptions {
  afterMs: number | undefined; // of silence
  canRepeat(): boolean; // whether the missing bytes can be requested without those before them
  /** Called before a second request, which must use another connection. */
  onSecond(): void;
  signal: AbortSignal;
}

type Request = (runner: Runner, signal: AbortSignal) => Promise<void>;

/**
 * The requests for layers of one registry. What they receive distinguishes a stalled request from a
 * silent registry.
 */
export class Traffic {
  #underWay = 0;
  #chunks = 0; // received so far

  /**
   * Sends a request, and again if it is silent while others are served, or there are none (rule
   * R26). The first of the two that gets a byte continues, the other is cancelled. Until then there
   * is no third, and after an error no other: the caller decides about another try.
   * @param request asks for the bytes that are still missing
   * @throws the error of the request that got the last bytes, or else of the first that failed
   */
  async send(options: SecondRequestOptions, request: Request): Promise<void> {
    options.signal.throwIfAborted();
    this.#underWay++;
    try {
      await this.#race(options, request);
    } finally {
      this.#underWay--;
    }
  }

  #race(options: SecondRequestOptions, request: Request) {
    const { afterMs = SECOND_REQUEST_MS, canRepeat, onSecond, signal } = options;
    return new Promise<void>((resolve, reject) => {
      const running = new Set<AbortController>();
      let heard = this.#chunks; // when bytes of this request came last
      let isBusy = false; // the receiver, with the last bytes
      let isRepeated = false; // the request, since bytes came last
      let hasFailed = false; // one of the requests
      let fault: unknown; // the first one since bytes came last
      const end = (settle: () => void) => {
        silence.stop();
        signal.removeEventListener('abort', onAbort);
        endAllBut(undefined);
        settle();
      };
      const endAllBut = (winner: AbortController | undefined) => {
        for (const one of running) {
          if (one === winner) continue;
          running.delete(one);
          one.abort(OVERTAKEN);
        }
      };
      const onAbort = () => {
        for (const one of running) one.abort(signal.reason);
      };
      const start = () => {
        const one = new AbortController();
        running.add(one);
        const runner: Runner = {
          claim: () => {
            if (!running.has(one)) return false;
            endAllBut(one);
            isRepeated = false;
            fault = undefined;
            heard = ++this.#chunks;
            silence.touch();
            return true;
          },
          delivering(received) {
            if (!received) return undefined;
            isBusy = true;
            return received.then(() => {
              isBusy = false;
              silence.touch();
            });
          },
        };
        request(runner, one.signal).then(
          () => running.has(one) && end(resolve),
          (error: unknown) => {
            if (!running.delete(one)) return;
            hasFailed = true;
            fault ??= error;
            if (running.size === 0) end(() => reject(signal.aborted ? error : fault));
          },
        );
      };
      const silence = new StallTimer(afterMs, () => {
        const isServed = this.#underWay === 1 || this.#chunks > heard;
        const isAllowed = !isRepeated && !hasFailed && canRepeat();
        if (isAllowed && !isBusy && isServed) {
          isRepeated = true;
          onSecond();
          start();
        }
        silence.start();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      silence.start();
      start();
    });
  }
}

const OVERTAKEN = new Error('another request brought the bytes');
