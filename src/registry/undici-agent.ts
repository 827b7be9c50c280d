import type { Agent, Dispatcher, EnvHttpProxyAgent } from 'undici';

export type { Dispatcher } from 'undici';

/** undici's agent without proxies, and what it needs. The package hides no files, but promises none either. */
const AGENT_FILE = 'undici/lib/dispatcher/agent.js';

/**
 * An agent that goes by the proxies of the options, or a plain one when none is named. undici's index loads fetch, web
 * sockets, caches and mocks with it: 65 ms, the plain agent alone 24 ms (measured), so a start without proxy
 * takes that. (The proxy agent needs the index: it calls `connect`, which the index adds to every dispatcher.)
 */
export async function openAgent(options: EnvHttpProxyAgent.Options): Promise<Dispatcher> {
  if (options.httpProxy || options.httpsProxy) return new (await import('undici')).EnvHttpProxyAgent(options);
  const {
    httpProxy: _,
    httpsProxy: __,
    noProxy: ___,
    requestTls: ____,
    proxyTunnel: _____,
    ...plain
  } = options;
  return new (await loadAgent())(plain);
}

/** Should a later version move the file, the index still has the class. */
export async function loadAgent(): Promise<new (options: Agent.Options) => Dispatcher> {
  try {
    const module = (await import(AGENT_FILE)) as { default: typeof Agent };
    return module.default;
  } catch {
    return (await import('undici')).Agent;
  }
}
