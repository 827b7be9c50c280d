/** The pages of one blob, each checked by its digest before it is handed out. */
export interface PageSource {
  /**
   * The page, whole. The caller does not write to it.
   * @param number 0 to pageCount - 1
   * @throws LayerslayerError as `BlobReader.read`; the signal's reason
   */
  page(number: number, signal?: AbortSignal): Promise<Uint8Array>;

  /** Says that the pages `[first, end)` will likely be asked for. Returns at once; what goes wrong is not told here. */
  prefetch(first: number, end: number): void;
}

/** The same in parts: who wants a few bytes of a page that lies on disk need not wait for all of it. */
export interface PagePartSource extends Pick<PageSource, 'prefetch'> {
  /**
   * The bytes `[from, to)` of a page, checked; both lie inside it. Otherwise as `PageSource.page`.
   * @param lent a buffer (PAGE_SIZE or longer) that they may be put into
   */
  part(
    number: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    lent?: Uint8Array,
  ): Promise<Uint8Array>;
}
