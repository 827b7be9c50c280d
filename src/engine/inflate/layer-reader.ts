/** @param bytes of chunk `number` and those after it, all whole except for the layer's last one */
export type Deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => void;

export interface ReadOptions {
  likelyEnd?: number; // the reader will likely continue to this chunk
  signal?: AbortSignal | undefined;
}

/** Reads chunks of one layer, however its bytes are verified. */
export interface LayerReader {
  /**
   * Delivers chunks `first` to `first + count - 1` in order, in runs. Each run is in a buffer of
   * the thread's pool, which the receiver owns from then on.
   * @throws LayerslayerError as Blob.read; CORRUPT_LAYER if the index does not fit the blob
   */
  read(first: number, count: number, deliver: Deliver, options?: ReadOptions): Promise<void>;
}
