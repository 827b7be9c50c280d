/** The pages of one blob, each checked by its digest before it is handed out. */
export interface PageSource {
  /**
   * The page, whole. The caller does not write to it.
   * @param number 0 to pageCount - 1
   * @param lent a buffer (PAGE_SIZE or longer) that the page may be put into
   * @throws LayerslayerError as `BlobReader.read`; the signal's reason
   */
  page(number: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array>;

  /** Says that the pages `[first, end)` will likely be asked for. Returns at once; what goes wrong is not told here. */
  prefetch(first: number, end: number): void;
}
