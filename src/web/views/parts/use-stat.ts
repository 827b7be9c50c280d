import type { MissingRecord, StatRecord } from '../../../api/schemas/entry.js';
import { imageQuery } from './image-query.js';
import { type Requested, useJson } from './requests.js';

/** What is known of a path. */
export interface AskedStat extends Requested {
  value: StatRecord | undefined;
  isMissing: boolean; // nothing is there
}

export interface StatQuery {
  path: string;
  layer?: number | undefined; // its own tree; undefined: all layers merged
}

/**
 * Requests what the page's image has at a path. That nothing is there is no fault: most layers have
 * few of the paths, and another platform may have others.
 * @param asked undefined: nothing
 */
export function useStat(asked: StatQuery | undefined): AskedStat {
  const query = asked && { ...imageQuery(), ...asked, missing: true };
  const { value, ...request } = useJson<StatRecord | MissingRecord>('stat', query);
  if (value === undefined || 'missing' in value)
    return { ...request, value: undefined, isMissing: value !== undefined };
  return { ...request, value, isMissing: false };
}
