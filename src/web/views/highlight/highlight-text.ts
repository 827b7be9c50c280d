import hljs from 'highlight.js/lib/core';
import type { Spans } from './colored-parts.js';
import { LANGUAGE_MODULES } from './language-modules.js';
import { SpanEmitter } from './span-emitter.js';

/** Languages that stand in others. Others that occur stay plain. */
const EMBEDDED: Readonly<Record<string, readonly string[]>> = {
  dockerfile: ['bash'],
  xml: ['css', 'javascript'],
};

/** Highlights a text. Runs in a worker. @returns undefined if there is no such language */
export async function highlightText(text: string, language: string): Promise<Spans | undefined> {
  if (!Object.hasOwn(LANGUAGE_MODULES, language)) return undefined;
  for (const name of [language, ...(EMBEDDED[language] ?? [])])
    hljs.registerLanguage(name, (await LANGUAGE_MODULES[name]!()).default);
  hljs.configure({ __emitter: SpanEmitter } as unknown as Parameters<typeof hljs.configure>[0]);
  const { _emitter } = hljs.highlight(text, { language, ignoreIllegals: true });
  return (_emitter as unknown as SpanEmitter).spans;
}
