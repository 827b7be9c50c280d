import { once, setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { reasonText } from '../base/system-error-text.js';
import type { ImageSession, SessionOptions } from '../engine/image-session.js';
import { DEFAULT_TRUST, type IndexSources } from '../index/cached-indexes.js';
import { newAccessToken, readAccessToken } from './access/access-token.js';
import { Gate } from './access/gate.js';
import { type ListeningAddress, listeningAddress } from './access/listening-address.js';
import { AllowedHosts } from './access/request-origin.js';
import { StrangerConnections } from './access/stranger-connections.js';
import { Tickets } from './access/tickets.js';
import { Analyses } from './analysis/analyses.js';
import { LoadingThread } from './analysis/loading-thread.js';
import { ViewFacts } from './analysis/view-facts.js';
import { HttpFault } from './answers/http-status.js';
import { allowedDirectory, ImageRules, type ImageRulesOptions } from './images/image-rules.js';
import { ServedImages } from './images/served-images.js';
import { allRoutes } from './routes/all-routes.js';
import { RequestCounts } from './routing/request-counts.js';
import { routeRequests } from './routing/router.js';
import { SERVER_LIMITS, type ServerLimits } from './server-limits.js';
import type { ServerState } from './server-state.js';

export { allowedDirectory, listeningAddress, newAccessToken, readAccessToken };

export interface ServerOptions {
  host: string; // as it was given: an address, or a name
  listening: ListeningAddress; // of `host`
  port: number; // 0: a free one
  token: string;
  /** Further names by which browsers may call the server. */
  hosts: readonly string[];
  images: ImageRulesOptions;
  cacheDirectory: string; // absolute
  /** What counts as an index in the cache. Default: an own one, or one that is exact. */
  indexSources?: IndexSources | undefined;
  showsLocal: boolean;
  maxRequests: number;
  limits?: Partial<ServerLimits>;
  uid: number;
  version: string;
  log: Log;
  /** Starts a session; the server ends it. @param more options that the server has for it */
  startSession(more: Pick<SessionOptions, 'loadIndexElsewhere'>): ImageSession;
}

export interface RunningServer {
  /** `http://127.0.0.1:8000` */
  readonly address: string;
  /** Opens an image that the server was started with. Logs a warning if that fails. */
  open(reference: string): Promise<void>;
  /** Ends connections, sessions and passes. */
  close(): Promise<void>;
}

/**
 * Starts to answer over HTTP.
 * @throws LayerslayerError IO_FAILED if the address can't be used; INVALID_ARGUMENT for an opened
 *   image that the rules refuse
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, listening, port, token, hosts, uid, log, version } = options;
  const limits = { ...SERVER_LIMITS, ...options.limits };
  const rules = new ImageRules(options.images);
  for (const reference of options.images.opened) checkOpened(rules, reference);
  const ends = new AbortController();
  setMaxListeners(Number.POSITIVE_INFINITY, ends.signal); // each request has one
  const tickets = new Tickets();
  const gate = new Gate({
    token,
    hosts: new AllowedHosts(host, hosts),
    tickets,
    uid,
    alwaysNeedsToken: !listening.isLoopback,
    strangers: new StrangerConnections({ connections: limits.strangers, ms: limits.strangerMs }),
  });
  const analyses = new Analyses();
  const loading = new LoadingThread();
  const counts = new RequestCounts();
  const state: ServerState = {
    images: new ServedImages(
      () => options.startSession({ loadIndexElsewhere: (fd, size) => loading.index(fd, size) }),
      {
        merge: (layers, signal) => analyses.merge(layers, signal),
        load: (fd, layers) => loading.tree(fd, layers),
      },
    ),
    analyses,
    facts: new ViewFacts(analyses),
    rules,
    tickets,
    counts,
    cacheDirectory: options.cacheDirectory,
    indexSources: options.indexSources ?? { trust: DEFAULT_TRUST, repository: undefined },
    showsLocal: options.showsLocal,
    uid,
    log,
    startedMs: Date.now(),
  };
  const listener = routeRequests({
    routes: allRoutes(state),
    gate,
    log,
    counts,
    version,
    maxRequests: options.maxRequests,
    maxEventStreams: limits.eventStreams,
    firstByteMs: limits.firstByteMs,
    stallMs: limits.stallMs,
    maxBytes: limits.answerSize,
    signal: ends.signal,
  });
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.headersCheckMs,
      keepAliveTimeout: limits.idleMs,
      maxHeaderSize: limits.headSize,
    },
    (incoming, outgoing) => {
      void listener(incoming, outgoing);
    },
  );
  server.on('connection', (socket) => gate.accepted(socket));
  const ofStrangers = limits.strangers + limits.arrivingConnections;
  server.maxConnections = options.maxRequests + limits.eventStreams + limits.idleConnections + ofStrangers;
  server.listen(port, listening.address);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new LayerslayerError('IO_FAILED', `listening on ${host} port ${port}: ${reasonText(error)}`, {
      cause: error,
    });
  }
  const bound = server.address() as AddressInfo;
  const name = isIPv6(bound.address) ? `[${bound.address}]` : bound.address;
  return {
    address: `http://${name}:${bound.port}`,
    async open(reference) {
      try {
        const lease = await state.images.open(rules.asked(reference), ends.signal);
        lease.release();
      } catch (error) {
        if (!ends.signal.aborted) log.warn(`${reference}: ${asLayerslayerError(error).message}`);
      }
    },
    async close() {
      ends.abort(new LayerslayerError('ABORTED', 'the server ends'));
      server.close();
      server.closeAllConnections();
      analyses.close();
      await state.images.close();
      loading.end();
    },
  };
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function checkOpened(rules: ImageRules, reference: string): void {
  try {
    rules.asked(reference);
  } catch (error) {
    if (!(error instanceof HttpFault)) throw error;
    throw new LayerslayerError('INVALID_ARGUMENT', `${reference}: ${error.message}`);
  }
}
