import { signal } from '@preact/signals';

export interface PaneWidths {
  layers: number; // CSS pixels
  file: number;
}

export const WIDTH_MIN = 160;

const WIDTH_MAX = 1200;

const KEY = 'layerslayer.panes';

/** Widths that the user chose; undefined: those of the style sheet. */
export const widths = signal<Partial<PaneWidths>>(storedWidths());

export function setWidth(name: keyof PaneWidths, width: number): void {
  const limited = Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width)));
  widths.value = { ...widths.value, [name]: limited };
  localStorage.setItem(KEY, JSON.stringify(widths.value));
}

/** Returns to the widths of the style sheet. */
export function resetWidth(name: keyof PaneWidths): void {
  const { [name]: _, ...others } = widths.value;
  widths.value = others;
  localStorage.setItem(KEY, JSON.stringify(others));
}

function storedWidths(): Partial<PaneWidths> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    const entries = Object.entries(stored as object).filter(([, width]) => Number.isFinite(width));
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}
