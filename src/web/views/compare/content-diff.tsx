import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { DifferenceRecord } from '../../../api/schemas/results.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { CodeText } from '../content/code-text.js';
import { imageQuery } from '../parts/image-query.js';
import { RequestState } from '../parts/request-state.js';
import { useLines } from '../parts/requests.js';
import { VirtualRows } from '../parts/virtual-rows.js';

/** CSS pixels of a row, as in content/content.css. */
const ROW_HEIGHT = 20;

interface ContentDiffProps {
  difference: DifferenceRecord;
  other: string;
  onClose: () => void;
}

/** How the content of one file differs, as a unified diff. */
export function ContentDiff({ difference, other, onClose }: ContentDiffProps) {
  const path = pathOf(difference);
  const element = useRef<HTMLElement>(null);
  useEffect(() => element.current?.scrollIntoView({ block: 'nearest' }), []);
  const query = { ...imageQuery(), other, path, content: true };
  const lines = useLines<DifferenceRecord>('diff', query);
  // The answer may have the config's differences, and a total, too.
  const content = lines.rows.find((row) => typeof row.path === 'string' && pathOf(row) === path)?.content;
  return (
    <section ref={element} class="content-diff" aria-label={`Difference of ${shownPath(path)}`}>
      <header>
        <h3>{shownPath(path)}</h3>
        <button type="button" class="plain" onClick={onClose} aria-label="Close the difference">
          ✕
        </button>
      </header>
      <RequestState request={lines} what="contents" />
      {content?.kind === 'text' && <UnifiedDiff text={content.diff} />}
      {content?.kind === 'binary' && <p class="note">The files are binary, and differ.</p>}
      {content?.kind === 'large' && (
        <p class="note">The files differ. They are too large to be compared by line.</p>
      )}
      {content === undefined && lines.isDone && lines.error === undefined && (
        <p class="note">The contents are equal.</p>
      )}
    </section>
  );
}

const LINE_CLASSES: Readonly<Record<string, string>> = { '+': 'added', '-': 'removed', '@': 'hunk' };

function UnifiedDiff({ text }: { text: string }) {
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text]);
  return (
    <VirtualRows
      class="mono"
      label="Lines that differ"
      count={lines.length}
      rowHeight={ROW_HEIGHT}
      row={(index) => {
        const line = lines[index]!;
        const isName = index < 2 && /^(---|\+\+\+) /.test(line);
        return (
          <span class={`diff-line ${isName ? 'hunk' : (LINE_CLASSES[line[0] ?? ''] ?? '')}`}>
            <CodeText parts={[{ text: line, scope: undefined }]} />
          </span>
        );
      }}
    />
  );
}
