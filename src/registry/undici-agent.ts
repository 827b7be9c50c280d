import type { Dispatcher, EnvHttpProxyAgent } from 'undici';

export type { Dispatcher } from 'undici';
export type ProxyAgentOptions = EnvHttpProxyAgent.Options;

type ProxyAgentClass = new (options: ProxyAgentOptions) => Dispatcher;

/**
 * undici's agent without the rest of undici: its index loads fetch, web sockets, caches and mocks, 65 ms in all, this
 * file and what it needs 25 ms (measured). The package hides no files; should a later version move this one, its
 * index still has the class.
 */
const AGENT_FILE = 'undici/lib/dispatcher/env-http-proxy-agent.js';

export async function loadProxyAgent(): Promise<ProxyAgentClass> {
  try {
    const module = (await import(AGENT_FILE)) as { default: ProxyAgentClass };
    return module.default;
  } catch {
    return (await import('undici')).EnvHttpProxyAgent;
  }
}
