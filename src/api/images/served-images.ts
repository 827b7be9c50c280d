import { Semaphore } from '../../base/tasks/semaphore.js';
import type { ImageSession } from '../../engine/image-session.js';
import type { OpenedImage } from '../../image/opened-image.js';
import { OpenedImages } from '../../image/opened-images.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import { IndexPass } from './index-pass.js';

/** Passes that run at once: each takes a processor, and the whole link. */
const PASSES = 2;

/** Images that stay open without a user. */
const IDLE_IMAGES = 32;

/** Images that a session opens: it keeps descriptors and tables of each until it ends. */
const IMAGES_OF_SESSION = 64;

/** How long a tag is taken to stand for the same image. */
const TAG_MS = 30_000;

/** An image that clients ask for. */
export interface AskedImage {
  reference: string; // canonical
  platform: Platform;
  isFixed: boolean; // by digest: it stands for one image for ever
}

/** An open image, until it is released. */
export interface ImageLease {
  opened: OpenedImage;
  session: ImageSession;
  pass: IndexPass;
  release(): void;
}

interface SessionUses {
  session: ImageSession;
  images: OpenedImages;
  opened: number; // so far
  open: number; // now
}

interface Served {
  opened: Promise<OpenedImage>;
  uses: SessionUses;
  pass: IndexPass | undefined;
  users: number;
  askedMs: number;
}

/** The open images of a server: requests for one image share it, and its indexes. */
export class ServedImages {
  readonly #served = new Map<string, Served>(); // by reference and platform, the last used at the end
  readonly #stale = new Set<Served>(); // of tags that may have moved: they end with their last user
  readonly #turns = new Semaphore(PASSES);
  #current: SessionUses | undefined;
  #isClosed = false;

  /** @param start starts a session */
  constructor(
    private readonly start: () => ImageSession,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Opens an image, or takes one that is open.
   * @throws LayerslayerError as `OpenedImages.open`; the signal's reason
   */
  async open(asked: AskedImage, signal: AbortSignal): Promise<ImageLease> {
    signal.throwIfAborted();
    const key = `${asked.reference} ${formatPlatform(asked.platform)}`;
    const known = this.#served.get(key);
    const isOld = known && !asked.isFixed && this.now() - known.askedMs > TAG_MS;
    if (known && isOld) this.#retire(key, known);
    const served = known && !isOld ? known : this.#begin(asked);
    this.#served.delete(key);
    this.#served.set(key, served);
    served.users++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      served.users--;
      this.#tidy();
    };
    try {
      const opened = await served.opened;
      signal.throwIfAborted();
      served.pass ??= new IndexPass(opened, this.#turns);
      return { opened, session: served.uses.session, pass: served.pass, release };
    } catch (error) {
      if (this.#served.get(key) === served) this.#served.delete(key);
      release();
      throw error;
    }
  }

  /** A session for what needs no image, such as tags. */
  get session(): ImageSession {
    return this.#uses().session;
  }

  /** Ends all of it: what is under way fails with ABORTED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const sessions = new Set([...this.#served.values()].map(({ uses }) => uses.session));
    if (this.#current) sessions.add(this.#current.session);
    for (const { pass } of this.#served.values()) pass?.close();
    this.#served.clear();
    await Promise.all([...sessions].map((session) => session.close()));
  }

  #begin({ reference, platform }: AskedImage): Served {
    const uses = this.#uses();
    uses.opened++;
    uses.open++;
    // No signal: others may share it. A registry that hangs has a deadline of its own.
    const opened = uses.images.open(reference, platform);
    opened.catch(() => this.#ended(uses));
    return { opened, uses, pass: undefined, users: 0, askedMs: this.now() };
  }

  #uses(): SessionUses {
    if (this.#current && this.#current.opened < IMAGES_OF_SESSION) return this.#current;
    const retired = this.#current;
    const session = this.start();
    this.#current = { session, images: new OpenedImages(session), opened: 0, open: 0 };
    if (retired?.open === 0) void retired.session.close();
    return this.#current;
  }

  /** Closes what nobody uses, and more than may stay open. */
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
    served.pass?.close();
    const opened = await served.opened.catch(() => undefined);
    if (!opened) return; // counted when it failed
    opened.close();
    this.#ended(served.uses);
  }

  #ended(uses: SessionUses): void {
    uses.open--;
    if (uses !== this.#current && uses.open === 0 && !this.#isClosed) void uses.session.close();
  }
}
