/** Lines of routes. */

import type { EntryRecord } from '../../../api/schemas/entry.js';

export interface FoundRecord extends EntryRecord {
  image: { reference: string; digest: string; platform: string };
}

export interface FindEndRecord {
  complete: boolean;
  searched: number;
  incomplete: number;
  found: number;
}

export interface UsageRecord {
  path: string;
  pathBase64?: string | undefined;
  layer?: number | undefined;
  hiddenBy?: number | undefined;
  how?: 'whiteout' | 'opaque' | 'replaced' | undefined;
  addedBy?: string | undefined;
  removedBy?: string | undefined;
  bytes: number;
  entries: number;
}

export interface UsageTotalRecord {
  total: { bytes: number; entries: number; layerBytes: number; percent: number };
}

type SideRecord = Omit<EntryRecord, 'path' | 'pathBase64' | 'state' | 'hiddenBy' | 'how'>;

export interface DifferenceRecord {
  path: string;
  pathBase64?: string | undefined;
  change: 'added' | 'removed' | 'changed' | 'error';
  fields: string[];
  error?: { code: string; message: string } | undefined;
  from: SideRecord | null;
  to: SideRecord | null;
  content?: { kind: 'text'; diff: string } | { kind: 'binary' | 'large' } | undefined;
}

/** A field of the configs, or a build step, that differs. */
export interface ConfigDifferenceRecord {
  path: null;
  change: DifferenceRecord['change'];
  fields: string[];
  config?: string | undefined;
  key?: string | undefined;
  step?: number | undefined;
  from?: unknown;
  to?: unknown;
}

export interface DifferenceTotalRecord {
  total: { added: number; removed: number; changed: number; errors: number };
}
