import { randomBytes } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import type { OpenedImage } from '../../image/opened-image.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import { faultRecord } from '../answers/http-status.js';
import { progressRecord } from '../answers/progress-record.js';
import type { PassChange } from '../images/index-pass.js';
import type { EVENT_IMAGE, INDEXED_EVENT, PROGRESS_EVENT } from '../schemas/events.js';
import { LatestEvents, type PublishedEvent } from './latest-events.js';

/** An image, as it was asked for. */
interface NamedImage {
  reference: string; // canonical
  platform: Platform;
}

/** Images and layers whose last event is remembered. */
const SUBJECTS_MAX = 1_000;

/** Random bytes in all ids: those of an earlier server are not taken for this one's. */
const RUN_BYTES = 4;

/** What happened last to each image that clients of a server asked for. */
export class ImageEvents {
  readonly latest = new LatestEvents(SUBJECTS_MAX);
  readonly #run = randomBytes(RUN_BYTES).toString('hex');

  /** Returns an id as clients see it. */
  idText(id: number): string {
    return `${this.#run}-${id}`;
  }

  /** Returns the id that a client had last; 0 if it is none of this server's. */
  idOf(text: string | undefined): number {
    const [, run, digits] = /^([\da-f]{8})-(\d{1,15})$/.exec(text ?? '') ?? [];
    const id = run === this.#run ? Number(digits) : 0;
    return id <= this.latest.lastId ? id : 0;
  }

  opening(image: NamedImage): void {
    this.#publish(image, { name: 'opening', isPassing: true, data: () => named(image) });
  }

  opened(image: NamedImage, opened: OpenedImage): void {
    const { digest, manifest } = opened.resolved;
    const data = { ...named(image), digest, layers: manifest.layers.length };
    this.#publish(image, { name: 'opened', isPassing: false, data: () => data });
  }

  notOpened(image: NamedImage, change: PassChange & { kind: 'stopped' | 'failed' }): void {
    this.#publish(image, endEvent(named(image), change));
  }

  /** @param layer of a pass for one layer's own tree; 0: of the merged tree */
  pass(
    image: NamedImage,
    { opened, layer }: { opened: OpenedImage; layer: number },
    change: PassChange,
  ): void {
    this.#publish(image, passEvent(image, { opened, layer }, change), layer);
  }

  #publish({ reference, platform }: NamedImage, event: PublishedEvent, layer = 0): void {
    this.latest.publish(`${reference} ${formatPlatform(platform)} ${layer}`, event);
  }
}

/**
 * Returns what happened to a pass as an event. It holds the image only while more events of the
 * pass are coming.
 * @param layer of a pass for one layer's own tree; 0: of the merged tree
 */
export function passEvent(
  image: NamedImage,
  { opened, layer }: { opened: OpenedImage; layer: number },
  change: PassChange,
): PublishedEvent {
  const { digest } = opened.resolved;
  const about = { ...named(image), digest, ...(layer > 0 && { layer }) };
  switch (change.kind) {
    case 'progress': {
      const data = (): z.input<typeof PROGRESS_EVENT> => ({
        ...about,
        ...progressRecord(change.progress, opened),
      });
      return { name: 'progress', isPassing: true, data };
    }
    case 'indexed': {
      const entries = change.layers.reduce((sum, one) => sum + one.entries.length, 0);
      const data: z.input<typeof INDEXED_EVENT> = { ...about, entries };
      return { name: 'indexed', isPassing: false, data: () => data };
    }
    default:
      return endEvent(about, change);
  }
}

function endEvent(about: object, change: PassChange & { kind: 'stopped' | 'failed' }): PublishedEvent {
  if (change.kind === 'stopped') return { name: 'stopped', isPassing: false, data: () => about };
  const data = { ...about, ...faultRecord(change.error) };
  return { name: 'error', isPassing: false, data: () => data };
}

function named({ reference, platform }: NamedImage): z.input<typeof EVENT_IMAGE> {
  return { image: reference, platform: formatPlatform(platform) };
}
