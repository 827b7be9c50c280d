import { LayerslayerError } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import { SharedTask } from '../../base/tasks/shared-task.js';
import type { ImageSession, SessionMetrics } from '../../engine/image-session.js';
import type { OpenedImage } from '../../image/opened-image.js';
import { OpenedImages } from '../../image/opened-images.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import type { TreeMaker } from '../../overlay/open-tree.js';
import type { ImageOffer } from '../../source/image-source.js';
import { HttpFault } from '../answers/http-status.js';
import { ImageEvents } from '../events/image-events.js';
import { IndexPass, type PassChange } from './index-pass.js';

/** Passes that run at once: each takes a processor, and the whole link. */
const PASSES = 2;

/** Images that stay open without a user. */
const IDLE_IMAGES = 32;

/** Images that a session opens: it keeps descriptors and tables of each until it ends. */
const IMAGES_OF_SESSION = 64;

/** Images with users at once: each takes memory for its trees. */
const IMAGES_IN_USE = 256;

/** Sessions at once: each has threads. */
const SESSIONS = 4;

/** How long a tag is taken to stand for the same image. */
const TAG_MS = 30_000;

/** An image that clients ask for. */
export interface AskedImage {
  reference: string; // canonical
  platform: Platform;
  isFixed: boolean; // by digest: it always stands for the same image
}

/** What a server holds and did. */
export interface ServedUsage extends SessionMetrics {
  openImages: number;
  passes: number; // under way
}

/** An open image, until it is released. */
export interface ImageLease {
  opened: OpenedImage;
  session: ImageSession;
  pass: IndexPass; // of the merged tree
  /** The platforms of the reference. Its registry is asked once for as long as a tag counts. */
  offer(signal: AbortSignal): Promise<ImageOffer>;
  /** The pass of one layer's own tree, from 1. */
  layerPass(layer: number): IndexPass;
  /** Shows what happens to another pass of a layer, from 1, in the stream of events. */
  report(layer: number, change: PassChange): void;
  /** Runs a pass in its turn: only a few run at once. */
  inTurn<T>(pass: () => Promise<T>, signal: AbortSignal): Promise<T>;
  release(): void;
}

interface SessionUses {
  session: ImageSession;
  images: OpenedImages;
  opened: number; // so far
  open: number; // now
}

interface Served {
  asked: AskedImage;
  opened: Promise<OpenedImage>;
  uses: SessionUses;
  passes: Map<number, IndexPass>; // by layer; 0: of the merged tree
  users: number;
  isOpen: boolean;
  controller: AbortController; // ends the opening
  askedMs: number;
  offer: SharedTask<ImageOffer>;
  /** Passes of layers whose last event was progress, by number: another event has to come. */
  reported: Map<number, OpenedImage>;
}

/** The open images of a server: requests for one image share it, and its indexes. */
export class ServedImages {
  /** What happened last to each of them. */
  readonly events = new ImageEvents();
  readonly #served = new Map<string, Served>(); // by reference and platform, the last used at the end
  readonly #stale = new Set<Served>(); // of tags that may have moved: they end with their last user
  readonly #sessions = new Set<ImageSession>();
  readonly #endedSums: SessionMetrics = { bytesFetched: 0, cacheHits: 0, cacheMisses: 0 }; // of closed sessions
  readonly #turns = new Semaphore(PASSES);
  #current: SessionUses | undefined;
  #isClosed = false;

  /**
   * @param start starts a session
   * @param trees makes merged trees; default: this thread does
   */
  constructor(
    private readonly start: () => ImageSession,
    private readonly trees?: TreeMaker,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Opens an image, or takes one that is open.
   * @throws LayerslayerError as `OpenedImages.open`; the signal's reason
   */
  async open(asked: AskedImage, signal: AbortSignal): Promise<ImageLease> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new LayerslayerError('ABORTED', 'the server ends');
    const key = keyOf(asked);
    const known = this.#served.get(key);
    const isOld = known && !asked.isFixed && this.now() - known.askedMs > TAG_MS;
    if (known && isOld) {
      this.#endEvents(known);
      this.#retire(key, known);
    }
    const isKnown = known !== undefined && !isOld;
    if (!isKnown) this.#checkRoom();
    const served = isKnown ? known : this.#begin(asked);
    this.#served.delete(key);
    this.#served.set(key, served);
    served.users++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      served.users--;
      if (!served.isOpen && served.users === 0) this.#abandon(key, served);
      this.#tidy();
    };
    try {
      const opened = await abortable(served.opened, signal);
      const { session } = served.uses;
      const layerPass = (layer: number) => this.#pass(served, opened, layer);
      const inTurn: ImageLease['inTurn'] = (task, ends) => this.#turns.run(task, ends);
      const report = (layer: number, change: PassChange) => this.#report(served, { opened, layer }, change);
      const pass = this.#pass(served, opened, 0);
      const offer = (ends: AbortSignal) => served.offer.get(ends);
      return { opened, session, pass, offer, layerPass, report, inTurn, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Returns a session for what needs no image, such as tags, until it is released. */
  lendSession(): { session: ImageSession; release(): void } {
    const uses = this.#uses();
    uses.open++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.#ended(uses);
    };
    return { session: uses.session, release };
  }

  /** Writes at once which images were opened: a listing of the cache shows them. */
  async writeRecords(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.writeRecords()));
  }

  /** What the server holds, and its sessions' counters since the start. */
  usage(): ServedUsage {
    const images = [...this.#served.values(), ...this.#stale];
    const passes = images.flatMap((served) => [...served.passes.values()]);
    const sums = { ...this.#endedSums };
    for (const session of this.#sessions) addMetrics(sums, session);
    return { openImages: images.length, passes: passes.filter(({ isRunning }) => isRunning).length, ...sums };
  }

  /** Ends all of it: what is under way fails with ABORTED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const served of [...this.#served.values(), ...this.#stale]) closePasses(served);
    this.#served.clear();
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }

  /** @param layer 0: the merged tree */
  #pass(served: Served, opened: OpenedImage, layer: number): IndexPass {
    const { passes } = served;
    const onChange = (change: PassChange) => this.#report(served, { opened, layer }, change);
    const known =
      passes.get(layer) ?? new IndexPass(opened, this.#turns, layer === 0 ? undefined : layer, onChange);
    passes.set(layer, known);
    return known;
  }

  #report(served: Served, of: { opened: OpenedImage; layer: number }, change: PassChange): void {
    if (!this.#isLatest(served)) return;
    if (change.kind === 'progress') served.reported.set(of.layer, of.opened);
    else served.reported.delete(of.layer);
    this.events.pass(served.asked, of, change);
  }

  /** Ends the events of an image before it is opened once more: its passes report nothing then. */
  #endEvents({ asked, reported }: Served): void {
    for (const [layer, opened] of reported) this.events.pass(asked, { opened, layer }, { kind: 'stopped' });
    reported.clear();
  }

  #begin(asked: AskedImage): Served {
    const { reference, platform } = asked;
    const uses = this.#uses();
    uses.opened++;
    uses.open++;
    // A signal of its own: several clients may wait for it.
    const controller = new AbortController();
    const opened = uses.images.open(reference, platform, { signal: controller.signal });
    this.events.opening(asked);
    const served: Served = {
      asked,
      opened,
      uses,
      passes: new Map(),
      users: 0,
      isOpen: false,
      controller,
      askedMs: this.now(),
      offer: new SharedTask((ends) => uses.session.listImages(reference, ends)),
      reported: new Map(),
    };
    opened.then(
      (image) => {
        served.isOpen = true;
        if (!this.#isLatest(served)) return;
        if (controller.signal.aborted) this.events.notOpened(asked, { kind: 'stopped' });
        else this.events.opened(asked, image);
      },
      (error) => {
        const isStopped = controller.signal.aborted;
        const change = isStopped ? ({ kind: 'stopped' } as const) : ({ kind: 'failed', error } as const);
        if (this.#isLatest(served)) this.events.notOpened(asked, change);
        // The next request tries again. What failed to open takes nothing of the session.
        this.#forget(keyOf({ reference, platform }), served);
        uses.opened--;
        this.#ended(uses);
      },
    );
    return served;
  }

  #uses(): SessionUses {
    if (this.#current && this.#current.opened < IMAGES_OF_SESSION) return this.#current;
    const retired = this.#current;
    // Idle images would keep the threads of their sessions.
    for (const [key, served] of [...this.#served]) if (served.users === 0) this.#retire(key, served);
    if (retired && this.#sessions.size >= SESSIONS) return retired;
    const session = this.start();
    this.#sessions.add(session);
    const images = new OpenedImages(session, { trees: this.trees, byRepository: true });
    this.#current = { session, images, opened: 0, open: 0 };
    if (retired?.open === 0) this.#closeSession(retired.session);
    return this.#current;
  }

  /** @throws HttpFault BUSY */
  #checkRoom(): void {
    const inUse = [...this.#served.values(), ...this.#stale].filter(({ users }) => users > 0);
    if (inUse.length < IMAGES_IN_USE) return;
    throw new HttpFault('BUSY', `${inUse.length} images are in use`, { 'Retry-After': '1' });
  }

  /** No client waits for the image any more: it is not opened. */
  #abandon(key: string, served: Served): void {
    this.#forget(key, served);
    served.controller.abort(new LayerslayerError('ABORTED', 'no client waits for the image'));
    void this.#end(served); // it may have been opened at the last moment
  }

  /** Whether the image was not opened once more since: a tag may have moved. */
  #isLatest(served: Served): boolean {
    const current = this.#served.get(keyOf(served.asked));
    return current === undefined || current === served;
  }

  #forget(key: string, served: Served): void {
    if (this.#served.get(key) === served) this.#served.delete(key);
    this.#stale.delete(served);
  }

  /** Closes idle images, beyond those that may stay open. */
  #tidy(): void {
    const idle = [...this.#served].filter(([, { users }]) => users === 0);
    for (const [key, served] of idle.slice(0, Math.max(0, idle.length - IDLE_IMAGES)))
      this.#retire(key, served);
    for (const served of this.#stale) {
      if (served.users > 0) continue;
      this.#stale.delete(served);
      void this.#end(served);
    }
  }

  #retire(key: string, served: Served): void {
    this.#served.delete(key);
    this.#stale.add(served);
    if (served.users === 0) {
      this.#stale.delete(served);
      void this.#end(served);
    }
  }

  async #end(served: Served): Promise<void> {
    closePasses(served);
    const opened = await served.opened.catch(() => undefined);
    if (!opened) return; // counted when it failed
    opened.close();
    this.#ended(served.uses);
  }

  #ended(uses: SessionUses): void {
    uses.open--;
    if (uses !== this.#current && uses.open === 0 && !this.#isClosed) this.#closeSession(uses.session);
  }

  #closeSession(session: ImageSession): void {
    this.#sessions.delete(session);
    addMetrics(this.#endedSums, session);
    session.close().catch(() => {}); // it ends with the process
  }
}

function keyOf({ reference, platform }: Pick<AskedImage, 'reference' | 'platform'>): string {
  return `${reference} ${formatPlatform(platform)}`;
}

function addMetrics(sums: SessionMetrics, session: ImageSession): void {
  const { bytesFetched, cacheHits, cacheMisses } = session.metrics();
  sums.bytesFetched += bytesFetched;
  sums.cacheHits += cacheHits;
  sums.cacheMisses += cacheMisses;
}

function closePasses({ passes }: Served): void {
  for (const pass of passes.values()) pass.close();
}
