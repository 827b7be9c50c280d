/** What counts of an answer. */
export interface AnsweredRequest {
  status: number;
  sentBytes: number;
}

/** Requests of one route with one status. */
export interface RouteCount {
  route: string;
  status: number;
  requests: number;
}

/** Counts answers since the server was started. */
export class RequestCounts {
  readonly #counts = new Map<string, RouteCount>();
  #sentBytes = 0;
  #open = 0;

  /** Answers that are under way. */
  get open(): number {
    return this.#open;
  }

  began(): void {
    this.#open++;
  }

  /** @param route as it is declared: names of clients make no counters */
  answered(route: string, { status, sentBytes }: AnsweredRequest): void {
    const key = `${status} ${route}`;
    const known = this.#counts.get(key) ?? { route, status, requests: 0 };
    known.requests++;
    this.#counts.set(key, known);
    this.#sentBytes += sentBytes;
    this.#open--;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Returns the counts, by route. */
  byRoute(): RouteCount[] {
    return [...this.#counts.values()].sort((a, b) =>
      a.route === b.route ? a.status - b.status : a.route < b.route ? -1 : 1,
    );
  }
}
