import { StallTimer } from './http/stall-timer.js';

/** Ms without a byte, while the registry serves other requests, until the same bytes are asked for again. */
const SECOND_REQUEST_MS = 3_000;

/** What the requests to one registry bring, to tell a stalled request from a silent registry. */
export class Traffic {
  #underWay = 0;
  #heard = 0; // chunks and answers so far

  /** A request brought something. */
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
   * Whether another request is needed in the place of one that has been silent since `heardBefore`: others are
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
  afterMs?: number | undefined;
  /** Called before a second request, which must use another connection. */
  onSecond(): void;
  signal: AbortSignal;
}

/**
 * Makes a request, and the same once more if it brings nothing for some seconds. The first of the two that
 * brings a byte goes on, the other is cancelled; when that one falls silent too, a second one is made again.
 * @param request asks for the bytes that are still missing
 * @throws what the requests throw, when none is left
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
              // The request that was made first tells what is wrong.
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
