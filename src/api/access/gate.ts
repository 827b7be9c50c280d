import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIPv6, type Socket } from 'node:net';
import { HttpFault } from '../answers/http-status.js';
import { bringsToken } from './access-token.js';
import { ownerOfPeer } from './peer-owner.js';
import type { AllowedHosts } from './request-origin.js';
import type { Tickets } from './tickets.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/** root may read the user's cache anyway. */
const ROOT = 0;

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
}

/** Decides who is let in. */
export class Gate {
  /** By connection, looked up when it is accepted: afterwards a closed socket shows no owner. */
  readonly #owners = new WeakMap<Socket, Promise<number | undefined>>();

  constructor(private readonly options: GateOptions) {}

  /** Call it for each connection, as soon as it is accepted. */
  accepted(socket: Socket): void {
    if (isLoopback(socket)) this.#owners.set(socket, ownerOf(socket));
  }

  /** @throws HttpFault TOKEN_REQUIRED, FORBIDDEN */
  async check({ socket, headers, target, ticket, isStatic }: Caller): Promise<void> {
    const { token, hosts, tickets, uid } = this.options;
    const { host, origin, 'sec-fetch-site': site } = headers;
    hosts.check({ host, origin, secFetchSite: typeof site === 'string' ? site : undefined }, isStatic);
    if (isStatic || bringsToken(headers.authorization, token)) return;
    if (ticket !== undefined && tickets.isGood(ticket, target)) return;
    const owner = await this.#owners.get(socket);
    if (owner === uid || owner === ROOT) return;
    throw new HttpFault('TOKEN_REQUIRED', 'want Authorization: Bearer TOKEN, as the server printed it', {
      'WWW-Authenticate': 'Bearer realm="layerslayer"',
    });
  }
}

function isLoopback({ remoteAddress, localAddress }: Socket): boolean {
  return [remoteAddress, localAddress].every(
    (address) => address !== undefined && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
  );
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
