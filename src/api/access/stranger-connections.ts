import { isIPv6, type Socket } from 'node:net';

export interface StrangerLimits {
  connections: number;
  ms: number; // lifetime of a connection
}

/**
 * Connections whose last request was not let in, or that sent none yet. Their number and lifetime
 * are limited: slow ones must not take the places of clients with the token. Over the limit, the
 * owner with the most connections loses its oldest one.
 */
export class StrangerConnections {
  readonly #byOwner = new Map<string, Map<Socket, NodeJS.Timeout>>(); // oldest first
  readonly #owners = new WeakMap<Socket, string>();
  readonly #watched = new WeakSet<Socket>(); // with a listener for their end
  #count = 0;

  constructor(private readonly limits: StrangerLimits) {}

  get size(): number {
    return this.#count;
  }

  /** @param owner name of a user or a network */
  add(socket: Socket, owner: string): void {
    if (socket.destroyed || this.#owners.has(socket)) return;
    const timer = setTimeout(() => socket.destroy(), this.limits.ms).unref();
    const sockets = this.#byOwner.get(owner) ?? new Map<Socket, NodeJS.Timeout>();
    this.#byOwner.set(owner, sockets.set(socket, timer));
    this.#owners.set(socket, owner);
    this.#count++;
    if (!this.#watched.has(socket)) socket.once('close', () => this.remove(socket));
    this.#watched.add(socket);
    if (this.#count > this.limits.connections) this.#closeOldest();
  }

  remove(socket: Socket): void {
    const owner = this.#owners.get(socket);
    const sockets = owner === undefined ? undefined : this.#byOwner.get(owner);
    if (owner === undefined || sockets === undefined) return;
    clearTimeout(sockets.get(socket));
    sockets.delete(socket);
    if (sockets.size === 0) this.#byOwner.delete(owner);
    this.#owners.delete(socket);
    this.#count--;
  }

  #closeOldest(): void {
    let most: ReadonlyMap<Socket, unknown> = new Map();
    for (const sockets of this.#byOwner.values()) if (sockets.size > most.size) most = sockets;
    const [oldest] = most.keys();
    if (oldest === undefined) return;
    this.remove(oldest);
    oldest.destroy();
  }
}

/**
 * Returns what connections of one network have in common: an IPv4 address, or the 64 bits of an
 * IPv6 network, in which a machine has as many addresses as it likes. (RFC 4291, 2.5.4)
 */
export function networkOf(address = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const { hostname } = new URL(`http://[${plain.replace(/%.*/, '')}]`);
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::');
  const [first, last] = [head, tail].map((text) => text.split(':').filter((group) => group !== ''));
  const zeros = new Array<string>(8 - first!.length - last!.length).fill('0');
  return `${[...first!, ...zeros, ...last!].slice(0, 4).join(':')}::/64`;
}
