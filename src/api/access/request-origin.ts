import { HttpFault } from '../answers/http-status.js';

/** What decides whether a request comes from our own page, or from no page. */
export interface RequestOrigin {
  host: string | undefined; // header Host
  origin: string | undefined;
  secFetchSite: string | undefined;
}

const LOCAL_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Names by which a browser may call this server. */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;

  /**
   * @param listening `--host`: an address or a name
   * @param more `--allow-host`, without ports
   */
  constructor(listening: string, more: readonly string[]) {
    const address = listening.includes(':') ? `[${listening}]` : listening;
    this.#names = new Set([...LOCAL_NAMES, address, ...more].map((name) => name.toLowerCase()));
  }

  /**
   * A page of another site must reach nothing: its name may resolve to this address (DNS
   * rebinding), and a browser sends requests for it (Fetch Metadata, Origin).
   * @param isStatic pages and assets: links from elsewhere lead to them
   * @throws HttpFault FORBIDDEN
   */
  check({ host, origin, secFetchSite }: RequestOrigin, isStatic: boolean): void {
    if (!this.#isAllowed(host))
      throw new HttpFault('FORBIDDEN', 'unknown Host: --allow-host NAME lets it in');
    if (isStatic) return;
    if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none')
      throw new HttpFault('FORBIDDEN', 'requests of other sites are refused');
    if (origin !== undefined && !isOriginOf(origin, host!))
      throw new HttpFault('FORBIDDEN', 'requests of other origins are refused');
  }

  /** Returns whether the Host is a name of loopback: others are those of a proxy or a network. */
  isLocal(host: string | undefined): boolean {
    return LOCAL_NAMES.includes(nameOf(host) ?? '');
  }

  #isAllowed(host: string | undefined): boolean {
    const name = nameOf(host);
    return name !== undefined && this.#names.has(name);
  }
}

/** Returns the name in a Host header, without the port; undefined if it has another form. */
export function nameOf(host: string | undefined): string | undefined {
  return /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
}

/** Behind a reverse proxy the scheme is not ours. */
function isOriginOf(origin: string, host: string): boolean {
  return ['http:', 'https:'].some((scheme) => {
    const own = `${scheme}//${host}`;
    return URL.canParse(own) && URL.canParse(origin) && new URL(own).origin === new URL(origin).origin;
  });
}
