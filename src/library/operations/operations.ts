import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { type Redact, redactedError } from '../../base/text/redact.js';
import { onAbort } from './caller-signals.js';
import { processHold } from './process-hold.js';

/** An operation on an image, until `end`. */
export interface Operation {
  /** Aborted by the caller's signal, that of the image, or `close`. Its reason is ABORTED. */
  readonly signal: AbortSignal;
  /** Runs a step, which keeps the process alive. @throws LayerslayerError without secrets */
  step<T>(task: () => Promise<T>): Promise<T>;
  end(): void;
}

/** The operations of one image. */
export class Operations {
  readonly #running = new Set<AbortController>();
  readonly #steps = new Set<Promise<unknown>>();
  #closed: LayerslayerError | undefined;

  /**
   * @param name of the image, for messages
   * @param lifetime the signal of the image
   */
  constructor(
    private readonly name: string,
    private readonly redact: Redact,
    private readonly lifetime: AbortSignal | undefined,
  ) {}

  /** @throws LayerslayerError ABORTED */
  begin(signal?: AbortSignal): Operation {
    const signals = [this.lifetime, signal].filter((one) => one !== undefined);
    const controller = new AbortController();
    const fault = this.#closed ?? abortedBy(signals);
    if (fault) throw fault;
    const cancels = signals.map((one) => onAbort(one, () => controller.abort(abortedBy([one]))));
    this.#running.add(controller);
    return {
      signal: controller.signal,
      step: (task) => this.#step(task, controller.signal),
      end: () => {
        for (const cancel of cancels) cancel();
        this.#running.delete(controller);
      },
    };
  }

  /** Runs an operation of one step. */
  async run<T>(signal: AbortSignal | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const operation = this.begin(checkedSignal(signal));
    try {
      return await operation.step(() => task(operation.signal));
    } finally {
      operation.end();
    }
  }

  /** Aborts all operations, and resolves when their steps have ended. */
  async close(): Promise<void> {
    this.#closed ??= new LayerslayerError('ABORTED', `${this.name} was closed`);
    for (const controller of this.#running) controller.abort(this.#closed);
    await Promise.allSettled(this.#steps);
  }

  async #step<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const step = processHold.during(async () => {
      signal.throwIfAborted();
      return task();
    });
    this.#steps.add(step);
    try {
      return await step;
    } catch (error) {
      throw signal.aborted ? signal.reason : redactedError(error, this.redact);
    } finally {
      this.#steps.delete(step);
    }
  }
}

/** @throws LayerslayerError INVALID_ARGUMENT for a value that is no signal */
export function checkedSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  // No `instanceof`: a test environment has an AbortSignal of its own.
  const given: unknown = signal;
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && 'aborted' in given && 'addEventListener' in given) return signal;
  throw new LayerslayerError('INVALID_ARGUMENT', 'signal is not an AbortSignal');
}

function abortedBy(signals: readonly AbortSignal[]): LayerslayerError | undefined {
  const aborted = signals.find((signal) => signal.aborted);
  if (!aborted) return undefined;
  const cause: unknown = aborted.reason;
  if (cause instanceof LayerslayerError && cause.code === 'ABORTED') return cause;
  const message = cause === undefined ? 'aborted' : asLayerslayerError(cause).message;
  return new LayerslayerError('ABORTED', message, { cause });
}
