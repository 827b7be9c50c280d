import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a ticket is good for. */
export const TICKET_MS = 60_000;

const TICKET = /^(\d{1,15})\.([\w-]{43})$/;

/**
 * Tickets for one URL each: links of downloads and pictures can't send a token. Nothing is kept:
 * a ticket is its end, and a MAC over end and URL. (RFC 2104)
 */
export class Tickets {
  readonly #key = randomBytes(32);

  /** @param now milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  /** @param target path and query of the URL, without the ticket: `/api/v1/file?image=…` */
  issue(target: string): string {
    const end = this.now() + TICKET_MS;
    return `${end}.${this.#mac(end, target)}`;
  }

  /** Returns whether a ticket is one for this URL, and not too old. */
  isGood(ticket: string, target: string): boolean {
    const [, end, mac] = TICKET.exec(ticket) ?? [];
    if (end === undefined || mac === undefined || Number(end) < this.now()) return false;
    return timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac(Number(end), target)));
  }

  #mac(end: number, target: string): string {
    return createHmac('sha256', this.#key).update(`${end} ${target}`).digest('base64url');
  }
}
