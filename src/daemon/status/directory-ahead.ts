import type { SocketDirectory } from '../../base/socket-directory.js';

/** A directory that is opened before it is needed. */
export class DirectoryAhead {
  readonly #open: () => Promise<SocketDirectory>;
  #first: Promise<SocketDirectory> | undefined;

  /** @param open opens the directory; called at once, and for each later use */
  constructor(open: () => Promise<SocketDirectory>) {
    this.#open = open;
    this.#first = open();
    this.#first.catch(() => {}); // the first `open` reports it
  }

  /** Returns the directory opened ahead; on later calls a new one. The caller closes it. */
  readonly open = (): Promise<SocketDirectory> => {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#open();
  };

  /** Closes the directory if it was not taken. */
  discard(): void {
    void this.#first?.then((directory) => directory.close()).catch(() => {});
    this.#first = undefined;
  }
}
