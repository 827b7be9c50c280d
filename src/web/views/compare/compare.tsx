import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type {
  ConfigDifferenceRecord,
  DifferenceRecord,
  DifferenceTotalRecord,
} from '../../../api/schemas/results.js';
import { sizeText } from '../../model/format.js';
import { go, place } from '../../model/place.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { useIdleFocus } from '../parts/idle-focus.js';
import { imageQuery } from '../parts/image-query.js';
import { PathLink } from '../parts/path-link.js';
import { PlaceLink } from '../parts/place-link.js';
import { RequestState } from '../parts/request-state.js';
import { useLines } from '../parts/requests.js';
import { type RowsHandle, VirtualRows } from '../parts/virtual-rows.js';
import { changeTexts, sumChanges } from './change-texts.js';
import { ConfigDifferences } from './config-differences.js';
import { ContentDiff } from './content-diff.js';

/** Differences after which the request ends: all of them stay in memory. */
const ROWS_MAX = 100_000;

/** CSS pixels of a row, as in styles/list.css. */
const ROW_HEIGHT = 28;

type Line = DifferenceRecord | ConfigDifferenceRecord | DifferenceTotalRecord;

const isPath = (line: Line): line is DifferenceRecord => 'path' in line && line.path !== null;
const isConfig = (line: Line): line is ConfigDifferenceRecord => 'path' in line && line.path === null;

/** What another image has added, removed and changed. */
export function Compare() {
  const { other, image } = place.value;
  useIdleFocus(other ?? '');
  return (
    <section class="view compare-view" aria-label="Compare">
      <OtherForm key={other ?? ''} />
      {other === undefined ? (
        <p class="note">
          Shows what another image has added, removed and changed, from {shownPath(image)} to it.
        </p>
      ) : (
        <Differences other={other} />
      )}
    </section>
  );
}

function OtherForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get('other');
    if (typeof text === 'string' && text.trim() !== '') go({ other: text.trim() });
  };
  return (
    <form class="compare-form" onSubmit={submit}>
      <label class="wide">
        Compare with
        <input
          name="other"
          defaultValue={place.value.other ?? ''}
          placeholder="nginx:1.28"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <button type="submit">Compare</button>
    </form>
  );
}

const CHANGES = ['added', 'removed', 'changed', 'error'] as const;
type Change = (typeof CHANGES)[number];

const SIGNS: Readonly<Record<Change, string>> = { added: '+', removed: '−', changed: '~', error: '!' };

function Differences({ other }: { other: string }) {
  const lines = useLines<Line>('diff', { ...imageQuery(), other }, ROWS_MAX);
  const [hidden, setHidden] = useState<ReadonlySet<Change>>(new Set());
  const [opened, setOpened] = useState<DifferenceRecord>();
  useEffect(() => setOpened(undefined), [other]);
  const count = lines.rows.length;
  const rows = useMemo(() => lines.rows.filter(isPath), [lines, count]);
  const configs = useMemo(() => lines.rows.filter(isConfig), [lines, count]);
  const shown = useMemo(() => rows.filter(({ change }) => !hidden.has(change)), [rows, hidden]);
  const sums = useMemo(() => sumChanges(rows), [rows]);
  const list = useRef<RowsHandle>(null);
  // The difference takes room from the list: its row must not be what falls out.
  useLayoutEffect(() => {
    const index = opened === undefined ? -1 : shown.indexOf(opened);
    if (index >= 0) list.current?.reveal(index);
  }, [opened]);
  const toggle = (change: Change) => {
    const next = new Set(hidden);
    if (!next.delete(change)) next.add(change);
    setHidden(next);
  };
  const isEqual = lines.isDone && lines.error === undefined && rows.length === 0 && configs.length === 0;
  return (
    <>
      <RequestState request={lines} what="differences" />
      {isEqual && (
        <p class="note" role="status">
          The images are equal.
        </p>
      )}
      {lines.isCut && (
        <p class="warning">More than {ROWS_MAX.toLocaleString('en')} differences: the list ends there.</p>
      )}
      <ConfigDifferences rows={configs} />
      {rows.length > 0 && (
        <fieldset class="choices">
          <legend class="unseen">Kinds of change</legend>
          {CHANGES.map(
            (change) =>
              sums.count[change] > 0 && (
                <label key={change} class={`change ${change}`}>
                  <input type="checkbox" checked={!hidden.has(change)} onChange={() => toggle(change)} />
                  {sums.count[change].toLocaleString('en')} {change}
                  {change !== 'error' && <span class="faint">{bytesText(change, sums.bytes[change])}</span>}
                </label>
              ),
          )}
        </fieldset>
      )}
      <VirtualRows
        label="Differences"
        isList
        handle={list}
        count={shown.length}
        rowHeight={ROW_HEIGHT}
        row={(index) => (
          <DifferenceRow
            row={shown[index]!}
            other={other}
            isOpened={shown[index] === opened}
            onOpen={setOpened}
          />
        )}
      />
      {opened !== undefined && (
        <ContentDiff
          key={opened.path}
          difference={opened}
          other={other}
          onClose={() => setOpened(undefined)}
        />
      )}
    </>
  );
}

function bytesText(change: 'added' | 'removed' | 'changed', bytes: number): string {
  const sign = change === 'removed' || bytes < 0 ? '−' : '+';
  return `${sign}${sizeText(Math.abs(bytes))}`;
}

interface RowProps {
  row: DifferenceRecord;
  other: string;
  isOpened: boolean;
  onOpen: (row: DifferenceRecord | undefined) => void;
}

function DifferenceRow({ row, other, isOpened, onOpen }: RowProps) {
  const { change, from, to, error } = row;
  const path = pathOf(row);
  const hasContent = change === 'changed' && from?.kind === 'file' && to?.kind === 'file';
  const isOnlyThere = change === 'added';
  const there = { image: other, other: undefined, view: 'tree' } as const;
  const size = (to ?? from)?.kind === 'file' ? sizeText((to ?? from)!.size) : (to ?? from)?.kind;
  const fields = change === 'changed' ? changeTexts(row).join(', ') : size;
  const rest = shownPath(error?.message ?? fields ?? '');
  return (
    <>
      <span class={`sign ${change}`} title={change}>
        <span aria-hidden="true">{SIGNS[change]}</span>
        <span class="unseen">{change}</span>
      </span>
      <PathLink path={path} to={isOnlyThere ? there : {}} />
      {change === 'changed' && (
        <PlaceLink to={{ ...there, path, layer: undefined, file: undefined }} title={`in ${other}`}>
          there
        </PlaceLink>
      )}
      {hasContent && (
        <button
          type="button"
          class="plain"
          aria-expanded={isOpened}
          onClick={() => onOpen(isOpened ? undefined : row)}
        >
          diff
        </button>
      )}
      <span class="faint row-rest" title={rest}>
        {rest}
      </span>
    </>
  );
}
