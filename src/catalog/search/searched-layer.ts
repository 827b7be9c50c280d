import type { SearchTable } from './search-table.js';

/** A layer of an image, for a search. */
export interface SearchedLayer {
  number: number; // from 1, base first
  hidesTableMarkers?: boolean | undefined; // see `NumberedLayer`
  table: SearchTable;
}
