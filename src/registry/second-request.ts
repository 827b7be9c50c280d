import { StallTimer } from './http/stall-timer.js';

/**
 * Ms without a byte until the same bytes are requested again, if the registry serves other requests.
 */
const SECOND_REQUEST_MS = 3_000;

/** The answers of one registry. They distinguish a stalled request from a silent registry. */
export class Traffic {
  #underWay = 0;
  #heard = 0; // chunks and answers so far

  /** Records bytes or an answer. */
  heard(): void {
    this.#heard++;
  }

  async during<T>(request: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await request();
    } finally {
      this.#underWay--;
    }
  }

  /**
   * Returns whether a request that is silent since `heardBefore` needs a second one: others are
   * served meanwhile, or there are none.
   */
  isServed(heardBefore: number): boolean {
    return this.#underWay <= 1 || this.#heard > heardBefore;
  }

  get count(): number {
    return this.#heard;
  }
}

/** One of two requests for the same bytes. */
export interface Runner {
  /** @returns whether these bytes count: false if the other request brought them first */
  claim(): boolean;
  /** Waits for the receiver; silence counts from its end on. */
  delivering(received: Promise<void> | undefined): Promise<void> | undefined;
}

export interface SecondRequestOptions {
  traffic: Traffic;
  afterMs: number | undefined; // of silence
  /** Called before a second request, which must use another connection. */
  onSecond(): void;
  signal: AbortSignal;
}

/**
 * Sends a request, and again on another connection if it is silent for some seconds (rule R26). The
 * first of the two that gets a byte continues, the other is cancelled.
 * @param request asks for the bytes that are still missing
 * @throws the error of the first request, when both have failed
 */
export function withSecondRequest(
  { traffic, afterMs = SECOND_REQUEST_MS, onSecond, signal }: SecondRequestOptions,
  request: (runner: Runner, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return traffic.during(
    () =>
      new Promise<void>((resolve, reject) => {
        const running = new Map<Runner, AbortController>();
        let heard = traffic.count; // when bytes came last
        let isBusy = false; // the receiver, with the last bytes
        let fault: unknown;
        const end = (settle: () => void) => {
          silence.stop();
          signal.removeEventListener('abort', onAbort);
          for (const controller of running.values()) controller.abort(OVERTAKEN);
          running.clear();
          settle();
        };
        const onAbort = () => {
          for (const controller of running.values()) controller.abort(signal.reason);
        };
        const start = () => {
          const controller = new AbortController();
          const runner: Runner = {
            claim() {
              if (!running.has(runner)) return false;
              for (const [other, its] of running) {
                if (other === runner) continue;
                running.delete(other);
                its.abort(OVERTAKEN);
              }
              traffic.heard();
              heard = traffic.count;
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
          running.set(runner, controller);
          request(runner, controller.signal).then(
            () => running.has(runner) && end(resolve),
            (error: unknown) => {
              if (!running.delete(runner)) return;
              // The first request's error is the cause.
              fault ??= error;
              if (running.size === 0) end(() => reject(signal.aborted ? error : fault));
            },
          );
        };
        const silence = new StallTimer(afterMs, () => {
          if (running.size === 1 && !isBusy && traffic.isServed(heard)) {
            onSecond();
            start();
          }
          silence.start();
        });
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        silence.start();
        start();
      }),
  );
}

const OVERTAKEN = new Error('another request brought the bytes');
