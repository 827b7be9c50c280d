import { useEffect, useMemo, useState } from 'preact/hooks';
import type { UsageRecord, UsageTotalRecord } from '../../../api/schemas/results.js';
import { stepText } from '../../model/build-step.js';
import { sizeText } from '../../model/format.js';
import { place } from '../../model/place.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { imageQuery } from '../parts/image-query.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PathLink } from '../parts/path-link.js';
import { RequestState } from '../parts/request-state.js';
import { type Streamed, useLines } from '../parts/requests.js';
import { VirtualRows } from '../parts/virtual-rows.js';
import { percentText } from '../treemap/usage-tree.js';
import { groupKey, leafRows } from './hidden-groups.js';

/** Rows that are read, the largest first. */
const ROWS_MAX = 20_000;

/** CSS pixels of a row, as in styles/list.css. */
const ROW_HEIGHT = 28;

type Line = UsageRecord | UsageTotalRecord;

const isRow = (line: Line): line is UsageRecord => 'bytes' in line;

/** What the image carries for nothing: files that upper layers delete or replace. */
export function Hidden() {
  const query = { ...imageQuery(), hidden: true, sort: 'size' };
  const sums = useLines<Line>('du', { ...query, depth: 0 });
  const groups = sums.rows.filter(isRow).toSorted((a, b) => b.bytes - a.bytes);
  const total = sums.rows.find((line): line is UsageTotalRecord => 'total' in line)?.total;
  const [chosen, choose] = useState<string>();
  const { image, platform } = place.value;
  useEffect(() => choose(undefined), [image, platform]);
  const isNothing = total !== undefined && total.entries === 0;
  return (
    <section class="view hidden-view" aria-label="Hidden files">
      <h2>What the image carries for nothing</h2>
      <RequestState request={sums} what="hidden files" />
      {total !== undefined && !isNothing && (
        <p class="summary">
          <strong>{sizeText(total.bytes)}</strong> of {sizeText(total.layerBytes)} ({total.percent.toFixed(1)}
          %) is in {total.entries.toLocaleString('en')} {total.entries === 1 ? 'entry' : 'entries'} that upper
          layers delete or replace.
        </p>
      )}
      {isNothing && <p class="note">Nothing is hidden: no layer deletes or replaces what a lower one has.</p>}
      {total !== undefined && (
        <Groups groups={groups} all={total.layerBytes} chosen={chosen} onChoose={choose} />
      )}
      {!isNothing && sums.error === undefined && <Paths query={query} chosen={chosen} />}
    </section>
  );
}

const HOW_TEXTS = {
  whiteout: 'deleted',
  opaque: 'deleted with its directory',
  replaced: 'replaced',
} as const;

interface GroupsProps {
  groups: readonly UsageRecord[];
  all: number; // bytes of all files in the layers
  chosen: string | undefined;
  onChoose: (key: string | undefined) => void;
}

/** The sums by layers, with the build steps. One can be chosen. */
function Groups({ groups, all, chosen, onChoose }: GroupsProps) {
  return (
    <ul class="hidden-groups">
      {groups.map((group) => {
        const { layer, hiddenBy, how, bytes, entries, addedBy, removedBy } = group;
        const key = groupKey(group);
        const isChosen = key === chosen;
        return (
          <li key={key}>
            <button
              type="button"
              class="hidden-group"
              aria-pressed={isChosen}
              title={isChosen ? 'Show the paths of all' : 'Show only its paths'}
              onClick={() => onChoose(isChosen ? undefined : key)}
            >
              <span class="hidden-size">
                <strong>{sizeText(bytes)}</strong> <span class="faint">{percentText(bytes, all)}</span>
              </span>
              <span class="hidden-way">
                of layer <LayerBadge layer={layer ?? 0} /> {HOW_TEXTS[how ?? 'whiteout']} by layer{' '}
                <LayerBadge layer={hiddenBy ?? 0} isHider />{' '}
                <span class="faint hidden-count">
                  {entries.toLocaleString('en')} {entries === 1 ? 'entry' : 'entries'}
                </span>
              </span>
              <Step label="added by" step={addedBy} />
              <Step label={how === 'replaced' ? 'replaced by' : 'removed by'} step={removedBy} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Step({ label, step }: { label: string; step: string | undefined }) {
  if (step === undefined) return null;
  return (
    <span class="hidden-step">
      <span class="faint">{label}</span> <code title={shownPath(step)}>{shownPath(stepText(step))}</code>
    </span>
  );
}

/** The paths, the largest first: files, or directories with all that is hidden below them. */
function Paths({ query, chosen }: { query: Parameters<typeof useLines>[1]; chosen: string | undefined }) {
  const [kind, setKind] = useState<'files' | 'directories'>('files');
  const lines = useLines<Line>('du', { ...query, files: kind === 'files' }, ROWS_MAX);
  const rows = lines.rows.filter(isRow);
  const shown = useMemo(() => {
    const ofKind = kind === 'files' ? leafRows(rows) : rows;
    return ofKind.filter((row) => chosen === undefined || groupKey(row) === chosen);
  }, [lines, rows.length, kind, chosen]);
  return (
    <>
      <fieldset class="choices">
        <legend class="unseen">Paths</legend>
        {(['files', 'directories'] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="hidden-kind" checked={kind === one} onChange={() => setKind(one)} />
            Largest {one}
          </label>
        ))}
        {(lines.isDone || shown.length > 0) && <Count lines={lines} count={shown.length} />}
      </fieldset>
      <RequestState request={lines} what="paths" />
      <VirtualRows
        label="Hidden paths, the largest first"
        isList
        count={shown.length}
        rowHeight={ROW_HEIGHT}
        row={(index) => <PathRow row={shown[index]!} />}
      />
    </>
  );
}

function Count({ lines, count }: { lines: Streamed<Line>; count: number }) {
  return (
    <span class="faint" role="status">
      {count.toLocaleString('en')}
      {lines.isCut && ' largest'} shown
    </span>
  );
}

function PathRow({ row }: { row: UsageRecord }) {
  const { layer = 0, hiddenBy = 0, how, bytes } = row;
  // A replaced file is not at its path any more: its layer is where it can be read.
  const to = { deleted: true, layer: how === 'replaced' ? layer : undefined };
  return (
    <>
      <span class="row-size">{sizeText(bytes)}</span>
      <LayerBadge layer={layer} />
      <LayerBadge layer={hiddenBy} isHider />
      <PathLink path={pathOf(row)} to={to} struck />
    </>
  );
}
