import type { HttpAnswer } from '../http/http-exchange.js';

/**
 * Returns the next page of a list by `Link: <…>; rel="next"` (RFC 8288).
 * @returns undefined on the last page
 */
export function linkedPage(answer: Pick<HttpAnswer, 'headers' | 'url'>): URL | undefined {
  for (const line of [answer.headers.link ?? []].flat()) {
    const target = /<([^>]*)>\s*;[^,]*\brel\s*=\s*"?next\b/i.exec(line)?.[1];
    if (target !== undefined && URL.canParse(target, answer.url.href)) return new URL(target, answer.url);
  }
  return undefined;
}
