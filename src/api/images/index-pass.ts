import { abortable } from '../../base/tasks/abortable.js';
import type { Semaphore } from '../../base/tasks/semaphore.js';
import type { LayerProgress } from '../../engine/image-session.js';
import type { ImageView, OpenedImage } from '../../image/opened-image.js';

/** How long a pass continues without a user: a client that got 202 asks again. */
const GRACE_MS = 15_000;

/** How long it continues when the last client has gone away: it may load its page again. */
const GONE_MS = 500;

/** What a layer's pass has come to. */
export interface PassProgress {
  layers: readonly LayerProgress[]; // that were reported, base first
  isQueued: boolean; // other passes go first
}

/** Something that happened to a pass. */
export type PassChange =
  | { kind: 'progress'; progress: PassProgress }
  | { kind: 'indexed'; layers: readonly { entries: { length: number } }[] }
  | { kind: 'stopped' } // no client wants it any more
  | { kind: 'failed'; error: unknown };

/** Receives progress. */
export type PassListener = (progress: PassProgress) => void;

interface Run {
  controller: AbortController;
  view: Promise<ImageView>;
  byLayer: Map<number, LayerProgress>;
  isQueued: boolean;
  isEnded: boolean;
}

/**
 * The making of an image's indexes and merged tree, or of one layer's. All callers share one run,
 * which ends when no caller wants it. Layers that are done stay cached. After a failure the next
 * caller starts another run.
 */
export class IndexPass {
  #users = 0;
  #run: Run | undefined;
  #grace: NodeJS.Timeout | undefined;
  #wantedUntilMs = 0; // clients that were told to come again; performance.now() clock
  readonly #listeners = new Set<PassListener>();

  /**
   * @param turns limits the passes of the server that run at once
   * @param layer of its own tree; default: the merged tree of all
   * @param onChange called for what happens to each run
   */
  constructor(
    private readonly image: OpenedImage,
    private readonly turns: Semaphore,
    private readonly layer?: number,
    private readonly onChange: (change: PassChange) => void = () => {},
  ) {}

  /** Whether layers are being indexed, or merged. */
  get isRunning(): boolean {
    return this.#run?.isEnded === false;
  }

  get progress(): PassProgress {
    const { byLayer, isQueued = false } = this.#run ?? {};
    const layers = [...(byLayer?.values() ?? [])].sort((a, b) => a.layer - b.layer);
    return { layers, isQueued };
  }

  /**
   * Returns the merged view, or undefined if it is not there in time. The pass continues for a
   * while.
   * @param waitMs how long to wait; 0: only for what is known
   * @throws LayerslayerError as `OpenedImage.view`; the signal's reason
   */
  async view(waitMs: number, signal: AbortSignal): Promise<ImageView | undefined> {
    signal.throwIfAborted();
    const { view } = this.#start();
    return await this.#whileWanted(async () => {
      let timer: NodeJS.Timeout | undefined;
      let onAbort = () => {};
      try {
        return await Promise.race([
          view,
          new Promise<undefined>((resolve) => {
            timer = setTimeout(resolve, waitMs, undefined);
          }),
          new Promise<never>((_, reject) => {
            onAbort = () => reject(signal.reason);
            signal.addEventListener('abort', onAbort, { once: true });
          }),
        ]).then((ready) => {
          if (!ready) this.#wantedUntilMs = performance.now() + GRACE_MS;
          return ready;
        });
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    });
  }

  /**
   * Reports progress until the signal is aborted, and keeps the pass going.
   * @returns the view; rejects as `view`
   */
  async watch(listener: PassListener, signal: AbortSignal): Promise<ImageView> {
    signal.throwIfAborted();
    const { view } = this.#start();
    this.#listeners.add(listener);
    listener(this.progress);
    try {
      return await this.#whileWanted(() => abortable(view, signal));
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Ends the pass. */
  close(): void {
    clearTimeout(this.#grace);
    this.#run?.controller.abort();
  }

  #start(): Run {
    this.#run ??= this.#begin();
    return this.#run;
  }

  #begin(): Run {
    const controller = new AbortController();
    const { signal } = controller;
    const byLayer: Run['byLayer'] = new Map();
    const onProgress = (progress: LayerProgress) => {
      byLayer.set(progress.layer, progress);
      this.#report(run, { kind: 'progress', progress: this.progress });
      this.#tell();
    };
    const make = () => {
      run.isQueued = false;
      return this.image.view({ signal, onProgress, ...(this.layer !== undefined && { only: [this.layer] }) });
    };
    const run: Run = {
      controller,
      byLayer,
      isQueued: false,
      isEnded: false,
      view: Promise.resolve(this.#known()).then(async (isKnown) => {
        if (isKnown) return await make();
        run.isQueued = true;
        this.#report(run, { kind: 'progress', progress: this.progress });
        return await this.turns.run(make, signal);
      }),
    };
    run.view.then(
      (view) => {
        run.isEnded = true;
        this.#report(run, { kind: 'indexed', layers: view.layers });
      },
      (error) => {
        run.isEnded = true;
        this.#report(run, signal.aborted ? { kind: 'stopped' } : { kind: 'failed', error });
        if (this.#run === run) this.#run = undefined;
      },
    );
    return run;
  }

  /** Reports nothing of a run that a later one has replaced. */
  #report(run: Run, change: PassChange): void {
    if (this.#run === run || this.#run === undefined) this.onChange(change);
  }

  /** Returns whether each layer has an index: then no pass is needed, and no turn. */
  async #known(): Promise<boolean> {
    const numbers = this.image.resolved.manifest.layers.map((_, i) => i + 1);
    for (const number of this.layer === undefined ? numbers : [this.layer])
      if ((await this.image.cachedLayer(number)) === undefined) return false;
    return true;
  }

  async #whileWanted<T>(task: () => Promise<T>): Promise<T> {
    this.#users++;
    clearTimeout(this.#grace);
    try {
      return await task();
    } finally {
      const graceMs = Math.max(GONE_MS, this.#wantedUntilMs - performance.now());
      if (--this.#users === 0) this.#grace = setTimeout(() => this.#stop(), graceMs).unref();
    }
  }

  #stop(): void {
    const run = this.#run;
    if (!run || run.isEnded) return;
    this.#run = undefined; // the next user begins another one
    run.controller.abort();
  }

  #tell(): void {
    const { progress } = this;
    for (const listener of this.#listeners) listener(progress);
  }
}
