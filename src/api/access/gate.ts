import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { HttpFault } from '../answers/http-status.js';
import { bringsToken } from './access-token.js';
import { isLoopbackAddress } from './listening-address.js';
import { ownerOfPeer } from './peer-owner.js';
import type { AllowedHosts } from './request-origin.js';
import { networkOf, type StrangerConnections } from './stranger-connections.js';
import type { Tickets } from './tickets.js';

/** root may read the user's cache anyway. */
const ROOT = 0;

/** A proxy adds one of these: its client is not the socket's owner. (RFC 7239) */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/** What a request shows of itself. */
export interface Caller {
  socket: Socket;
  headers: IncomingHttpHeaders;
  target: string; // path and query of the URL, without the ticket
  ticket: string | undefined;
  isStatic: boolean; // a page or an asset: needs no token
}

export interface GateOptions {
  token: string;
  hosts: AllowedHosts;
  tickets: Tickets;
  uid: number; // of the server
  /** Every connection needs the token: the server listens on another address than loopback. */
  alwaysNeedsToken: boolean;
  strangers: StrangerConnections;
}

/** Decides which requests are let in, and limits the connections of all other clients. */
export class Gate {
  /** By connection, looked up when it is accepted: afterwards a closed socket shows no owner. */
  readonly #owners = new WeakMap<Socket, Promise<number | undefined>>();

  constructor(private readonly options: GateOptions) {}

  /** Call it for each connection, as soon as it is accepted. */
  accepted(socket: Socket): void {
    if (this.options.alwaysNeedsToken || !isLoopback(socket))
      this.options.strangers.add(socket, networkOf(socket.remoteAddress));
    else {
      const owner = ownerOf(socket);
      this.#owners.set(socket, owner);
      void owner.then((uid) => {
        if (!this.#isTrusted(uid)) this.options.strangers.add(socket, strangerName(uid, socket));
      });
    }
  }

  /**
   * Decides whether a request is let in. If not, its connection counts as one of a stranger.
   * @returns false for a page or an asset that a stranger asks for: those are for all
   * @throws HttpFault TOKEN_REQUIRED, FORBIDDEN
   */
  async check(caller: Caller): Promise<boolean> {
    const { socket, isStatic } = caller;
    // First: else `accepted` adds the connection after it was removed here.
    const owner = await this.#owners.get(socket);
    try {
      const { host, origin, 'sec-fetch-site': site } = caller.headers;
      const secFetchSite = typeof site === 'string' ? site : undefined;
      this.options.hosts.check({ host, origin, secFetchSite }, isStatic);
      if (this.#isLetIn(caller, owner)) {
        this.options.strangers.remove(socket);
        return true;
      }
      if (!isStatic) throw tokenRequired();
    } catch (error) {
      this.options.strangers.add(socket, strangerName(owner, socket));
      throw error;
    }
    this.options.strangers.add(socket, strangerName(owner, socket));
    return false;
  }

  #isLetIn({ headers, target, ticket }: Caller, owner: number | undefined): boolean {
    const { token, hosts, tickets } = this.options;
    if (bringsToken(headers.authorization, token)) return true;
    if (ticket !== undefined && tickets.isGood(ticket, target)) return true;
    return hosts.isLocal(headers.host) && !isProxied(headers) && this.#isTrusted(owner);
  }

  /** Returns whether a connection's owner is the server's user, or root. */
  #isTrusted(owner: number | undefined): boolean {
    return owner === this.options.uid || owner === ROOT;
  }
}

function tokenRequired(): HttpFault {
  return new HttpFault('TOKEN_REQUIRED', 'want Authorization: Bearer TOKEN, as the server printed it', {
    'WWW-Authenticate': 'Bearer realm="layerslayer"',
  });
}

/** Returns the user or network of a connection: on loopback all users have one address. */
function strangerName(owner: number | undefined, { remoteAddress }: Socket): string {
  return owner === undefined ? networkOf(remoteAddress) : `user ${owner}`;
}

function isProxied(headers: IncomingHttpHeaders): boolean {
  return PROXY_HEADERS.some((name) => headers[name] !== undefined);
}

function isLoopback({ remoteAddress, localAddress }: Socket): boolean {
  return isLoopbackAddress(remoteAddress) && isLoopbackAddress(localAddress);
}

function ownerOf({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
}: Socket): Promise<number | undefined> {
  const client = { address: remoteAddress!, port: remotePort! };
  return ownerOfPeer(client, { address: localAddress!, port: localPort! });
}
