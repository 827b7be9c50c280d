import type { Log } from '../base/log.js';
import type { IndexSources } from '../index/cached-indexes.js';
import type { Tickets } from './access/tickets.js';
import type { Analyses } from './analysis/analyses.js';
import type { ViewFacts } from './analysis/view-facts.js';
import type { ImageRules } from './images/image-rules.js';
import type { ServedImages } from './images/served-images.js';
import type { RequestCounts } from './routing/request-counts.js';

/** What the routes share. */
export interface ServerState {
  images: ServedImages;
  rules: ImageRules;
  analyses: Analyses;
  facts: ViewFacts;
  tickets: Tickets;
  counts: RequestCounts;
  cacheDirectory: string; // absolute
  indexSources: IndexSources; // what counts as an index in the cache
  /** Routes that show the cache and the mounts of this user are on. */
  showsLocal: boolean;
  uid: number;
  log: Log;
  startedMs: number; // since 1970
}
