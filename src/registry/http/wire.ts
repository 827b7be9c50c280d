import type { Socket } from 'node:net';
import type { HttpAnswer, HttpMethod, UploadBody } from './http-exchange.js';
import type { BodyControl } from './response-body.js';

/** A request on its connection. To a proxy, `path` is the whole URL. */
export interface WireRequest {
  method: HttpMethod;
  path: string;
  headers: Record<string, string>; // includes `host`
  body: string | UploadBody | null;
}

/** Receives one response, as undici's dispatchers deliver it. */
export interface AnswerHandler {
  /** Called when the request has a socket, before a byte is sent. It may abort. */
  onRequestStart(control: BodyControl, socket: { remoteAddress: string | undefined }): void;
  onResponseStart(control: BodyControl, status: number, headers: HttpAnswer['headers']): void;
  onResponseData(control: BodyControl, chunk: Uint8Array): void;
  onResponseEnd(control: BodyControl): void;
  onResponseError(control: BodyControl | undefined, error: Error): void;
}

/** Target of a connector. */
export interface ConnectTarget {
  hostname: string; // IPv6 without brackets
  host: string; // with port
  protocol: string;
  port: string; // empty: default of the scheme
  servername?: string | undefined;
}

/** Opens a socket for HTTP, including TLS. */
export type Connector = (
  target: ConnectTarget,
  callback: (error: Error | null, socket: Socket | null) => void,
) => void;

export function targetOf(url: URL): ConnectTarget {
  const { host, protocol, port } = url;
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), host, protocol, port };
}
