/** What tests read of a page with a tree. */

import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { PAGE_MS } from './test-browser.js';

/** What the page shows in the end. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: PAGE_MS });
}

/** Returns view and path of the page's address: `tree/etc/passwd` */
export function pathOf(page: Page): string | undefined {
  return decodeURIComponent(new URL(page.url()).pathname).split('/~/')[1];
}

/** The row of an entry, by its name. */
export function row(page: Page, name: string): Locator {
  return page.locator('[role=treeitem]').filter({ has: page.locator('bdi', { hasText: exactly(name) }) });
}

export function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}

export function names(page: Page): Promise<string[]> {
  return page.locator('[role=treeitem] bdi').allTextContents();
}

/** The name of the row that aria-activedescendant refers to. */
export function active(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const id = document.querySelector('[role=tree]')?.getAttribute('aria-activedescendant');
    const row = id && document.getElementById(id);
    return row ? (row.querySelector('bdi')?.textContent ?? undefined) : undefined;
  });
}

/** The panes that are visible. */
export function visiblePanes(page: Page): Promise<(string | null)[]> {
  return page
    .locator('.pane')
    .evaluateAll((panes) =>
      panes.filter((one) => (one as HTMLElement).offsetParent !== null).map((one) => one.ariaLabel),
    );
}

/** The number before the first row of a file's content that is visible: of a line, or an offset. */
export function firstVisible(list: Locator): Promise<string> {
  return list.evaluate((box) => {
    const { top } = box.getBoundingClientRect();
    const gutters = [...box.querySelectorAll('.gutter')];
    return gutters.find((one) => one.getBoundingClientRect().top >= top - 1)?.textContent ?? '';
  });
}
