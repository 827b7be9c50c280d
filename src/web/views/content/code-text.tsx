import type { ColoredText } from '../highlight/colored-parts.js';
import { visibleParts } from './visible-text.js';

/** A row of text: colours of its language, and escapes for what has no sign. All are text nodes. */
export function CodeText({ parts }: { parts: readonly ColoredText[] }) {
  return (
    <code class="code">
      {parts.map(({ text, scope }, index) => {
        const shown = visibleParts(text).map((part, at) =>
          part.escape ? (
            <span key={at} class="escape">
              {part.text}
            </span>
          ) : (
            part.text
          ),
        );
        if (scope === undefined) return shown;
        return (
          <span key={index} class={`hl-${scope}`}>
            {shown}
          </span>
        );
      })}
    </code>
  );
}
