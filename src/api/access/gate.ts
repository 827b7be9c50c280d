import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { HttpFault } from '../answers/http-status.js';
import { bringsToken } from './access-token.js';
import { isLoopbackAddress } from './listening-address.js';
import { ownerOfPeer } from './peer-owner.js';
import type { AllowedHosts } from './request-origin.js';
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
  trustsNobody: boolean;
}

/** Decides which requests are let in. */
export class Gate {
  /** By connection, looked up when it is accepted: afterwards a closed socket shows no owner. */
  readonly #owners = new WeakMap<Socket, Promise<number | undefined>>();

  constructor(private readonly options: GateOptions) {}

  /** Call it for each connection, as soon as it is accepted. */
  accepted(socket: Socket): void {
    if (!this.options.trustsNobody && isLoopback(socket)) this.#owners.set(socket, ownerOf(socket));
  }

  /** @throws HttpFault TOKEN_REQUIRED, FORBIDDEN */
  async check({ socket, headers, target, ticket, isStatic }: Caller): Promise<void> {
    const { token, hosts, tickets } = this.options;
    const { host, origin, 'sec-fetch-site': site } = headers;
    hosts.check({ host, origin, secFetchSite: typeof site === 'string' ? site : undefined }, isStatic);
    if (isStatic || bringsToken(headers.authorization, token)) return;
    if (ticket !== undefined && tickets.isGood(ticket, target)) return;
    if (hosts.isLocal(host) && !isProxied(headers) && (await this.#isOwn(socket))) return;
    throw new HttpFault('TOKEN_REQUIRED', 'want Authorization: Bearer TOKEN, as the server printed it', {
      'WWW-Authenticate': 'Bearer realm="layerslayer"',
    });
  }

  /** Returns whether the connection comes from a process of the server's user, or of root. */
  async #isOwn(socket: Socket): Promise<boolean> {
    const owner = await this.#owners.get(socket);
    return owner === this.options.uid || owner === ROOT;
  }
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
