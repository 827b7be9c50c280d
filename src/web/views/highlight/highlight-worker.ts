/**
 * The worker that highlights. A file of an image can make a grammar's regular expressions run for
 * minutes. The page ends the worker then.
 *
 * This module is a chunk of its own because the page imports it on demand. It is also the worker's
 * program: its URL has a hash that only the module itself knows.
 */
export const WORKER_URL = import.meta.url;

export interface HighlightRequest {
  text: string;
  language: string;
}

if (typeof document === 'undefined') {
  self.onmessage = async ({ data }: MessageEvent<HighlightRequest>) => {
    const { highlightText } = await import('./highlight-text.js');
    self.postMessage(await highlightText(data.text, data.language));
  };
}
