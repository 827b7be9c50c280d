import type { OptionTable } from './option-table.js';

/** Options of commands that show the merged tree. */
export const VIEW_OPTIONS = {
  layer: {
    kind: 'text',
    value: 'N|DIGEST',
    warnsIfRepeated: true,
    summary: "one layer's own tree instead of the merged one; of several the last counts",
  },
} as const satisfies OptionTable;
