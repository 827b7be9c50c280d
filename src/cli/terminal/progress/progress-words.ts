/** What a bar calls the work on a layer. */
export interface ProgressWords {
  running: string; // `indexing 28.3 MiB`
  done: string; // `indexed, 28.3 MiB`
}

export const INDEXING: ProgressWords = { running: 'indexing', done: 'indexed' };

export const SAVING: ProgressWords = { running: 'saving', done: 'saved' };
