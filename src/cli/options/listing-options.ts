import type { OptionTable } from './option-table.js';

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;

/** Options of commands whose results may be long lists. */
export const LISTING_OPTIONS = {
  color: {
    kind: 'text',
    value: 'auto|always|never',
    choices: COLOR_CHOICES,
    ifBare: 'always',
    summary: 'colours; --color alone is always; auto: on a terminal without NO_COLOR',
    default: 'auto',
  },
  'no-pager': { kind: 'flag', summary: 'show long results at once, not through $PAGER' },
} as const satisfies OptionTable;
