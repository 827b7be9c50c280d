import type { LogLevel } from '../../base/log.js';
import { logTo } from '../../base/log.js';
import type { ImageSession } from '../../engine/image-session.js';
import { startSession } from '../../engine/session.js';
import { OpenedImages } from '../../image/opened-images.js';
import type { Choices } from './choices.js';

/**
 * Images that a session opens. It keeps descriptors and tables of each layer until it ends. A
 * program may have one image open for good, and open others without end.
 */
export const IMAGES_OF_SESSION = 64;

/** Receives what a session says. */
export type SessionListener = (level: LogLevel | 'notice', text: string) => void;

/** A session, which images with the same options share. */
export interface SharedSession {
  readonly session: ImageSession;
  readonly images: OpenedImages;
  /** Resolves when threads and connections have ended, if this was the last image. */
  release(): Promise<void>;
}

interface Known {
  session: ImageSession;
  images: OpenedImages;
  listeners: Set<{ listener: SessionListener }>;
  uses: number; // images that were opened, by now
}

/** The sessions for the next images, by the options that they were started with. */
const sessions = new Map<string, Known>();

/** Returns a session for these options: threads, connections, caches and memory are shared. */
export function useSession(choices: Choices, listener: SessionListener): SharedSession {
  const { registry, cache, memoryBytes, indexTrust, indexRepository } = choices;
  const key = JSON.stringify([registry, cache, memoryBytes, indexTrust, indexRepository]);
  const known = sessions.get(key) ?? start(choices);
  sessions.set(key, known);
  const user = { listener };
  known.listeners.add(user);
  if (++known.uses === IMAGES_OF_SESSION) sessions.delete(key); // its last image ends it
  return {
    session: known.session,
    images: known.images,
    async release() {
      if (!known.listeners.delete(user) || known.listeners.size > 0) return;
      if (sessions.get(key) === known) sessions.delete(key);
      await known.session.close();
    },
  };
}

function start({ registry, cache, memoryBytes, indexTrust, indexRepository }: Choices): Known {
  const listeners: Known['listeners'] = new Set();
  const tell: SessionListener = (level, text) => {
    for (const { listener } of listeners) listener(level, text);
  };
  const session = startSession({
    registry,
    cache,
    memoryBytes,
    indexTrust,
    indexRepository,
    holdsProcess: false, // see process-hold.ts
    log: logTo(tell),
    onNotice: (text) => tell('notice', text),
  });
  return { session, images: new OpenedImages(session), listeners, uses: 0 };
}
