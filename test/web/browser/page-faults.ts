/** What is wrong with how a page looks, as far as a program can see. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Returns what axe-core finds that keeps people from using the page. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(AXE); // a script element would be against the page's policy
  const source = `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)`;
  const violations = (await page.evaluate(source)) as {
    id: string;
    impact: string;
    nodes: { html: string; failureSummary: string }[];
  }[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/**
 * Returns the elements whose text reaches over their edge, and those with content that an element
 * around them cuts off. What a user can scroll to is neither.
 */
export function overflows(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    /** The closest element that cuts or scrolls what is in it. */
    const frameOf = (element: Element): Element => {
      const isFrame = getComputedStyle(element).overflowX !== 'visible';
      return isFrame || element.parentElement === null ? element : frameOf(element.parentElement);
    };
    const hasText = ({ childNodes }: Element) =>
      [...childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim() !== '');
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>('body, body *:not(svg, svg *)')) {
      const { overflowX, display } = getComputedStyle(element);
      const over = element.scrollWidth - element.clientWidth;
      if (over < 2 || overflowX !== 'visible' || display === 'inline' || !element.checkVisibility()) continue;
      const frame = frameOf(element);
      if (/auto|scroll/.test(getComputedStyle(frame).overflowX)) continue;
      const isCut =
        element.getBoundingClientRect().left + element.scrollWidth > frame.getBoundingClientRect().right + 1;
      if (isCut || hasText(element)) found.push(`${over} pixels over: ${element.outerHTML.slice(0, 200)}`);
    }
    const over = document.documentElement.scrollWidth - innerWidth;
    if (over > 0) found.push(`the page is ${over} pixels too wide`);
    return found;
  });
}

export interface PictureFacts {
  colors: number; // different ones
  brightness: number; // mean of all pixels, 0 to 255
}

/** Returns facts of a screenshot. @param page any page: its browser decodes the picture */
export function pictureFacts(page: Page, png: Buffer): Promise<PictureFacts> {
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext('2d')!;
    canvas.drawImage(picture, 0, 0);
    const pixels = canvas.getImageData(0, 0, picture.width, picture.height).data;
    const colors = new Set<number>();
    let sum = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      const [red, green, blue] = [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
      colors.add((red << 16) | (green << 8) | blue);
      sum += (red + green + blue) / 3;
    }
    return { colors: colors.size, brightness: sum / (pixels.length / 4) };
  }, png.toString('base64'));
}
