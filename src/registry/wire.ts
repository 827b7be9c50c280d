import type { Socket } from 'node:net';
import type { BodyControl } from './response-body.js';

/** What a request looks like on its connection: to a proxy, `path` is the whole URL. */
export interface WireRequest {
  method: 'GET' | 'HEAD' | 'POST';
  path: string;
  headers: Record<string, string>; // with `host`
  body: string | null;
}

/** Gets one answer, as undici's dispatchers hand it over. */
export interface AnswerHandler {
  /** Called when the request has its socket, before a byte is sent: it may still abort. */
  onRequestStart(control: BodyControl, socket: { remoteAddress: string | undefined }): void;
  onResponseStart(
    control: BodyControl,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void;
  onResponseData(control: BodyControl, chunk: Uint8Array): void;
  onResponseEnd(control: BodyControl): void;
  onResponseError(control: BodyControl | undefined, error: Error): void;
}

/** Where a connector goes. */
export interface ConnectTarget {
  hostname: string; // IPv6 without brackets
  host: string; // with the port
  protocol: string;
  port: string; // empty: the scheme's own
  servername?: string | undefined;
}

/** Opens a socket on which HTTP may be spoken; TLS included. */
export type Connector = (
  target: ConnectTarget,
  callback: (error: Error | null, socket: Socket | null) => void,
) => void;

export function targetOf(url: URL): ConnectTarget {
  const { host, protocol, port } = url;
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), host, protocol, port };
}
