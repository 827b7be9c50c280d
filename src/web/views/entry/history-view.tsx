import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { stepText } from '../../model/build-step.js';
import { sizeText } from '../../model/format.js';
import { place } from '../../model/place.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PathLink } from '../parts/path-link.js';
import { PlaceLink } from '../parts/place-link.js';

/** The versions of a path through the layers, newest first, and what it hides. */
export function HistoryView({ stat }: { stat: StatRecord }) {
  const { versions } = stat;
  const { layer } = place.value;
  // A version of one layer hides what that layer hides.
  const hides = stat.hides.filter(({ hiddenBy }) => layer === undefined || hiddenBy === layer);
  return (
    <div class="history">
      <h3>Versions through the layers</h3>
      {versions.length === 0 && <p class="note">No layer has this path.</p>}
      <ol class="versions">
        {[...versions].reverse().map((version) => (
          <Version key={version.layer} version={version} />
        ))}
      </ol>
      {hides.length > 0 && <Hides hides={hides} />}
    </div>
  );
}

const SIGNS = { added: '+', changed: '~', removed: '−' } as const;

function Version({ version }: { version: StatRecord['versions'][number] }) {
  const { layer, change, step, entry } = version;
  const isShown = place.value.layer === layer;
  return (
    <li class={`version ${change}`}>
      <p class="version-head">
        <span class="change">
          <span aria-hidden="true">{SIGNS[change]}</span> {change}
        </span>
        <span>
          in layer <LayerBadge layer={layer} />
        </span>
        {entry?.kind === 'file' && <span>{sizeText(entry.size)}</span>}
        {entry !== undefined && <span>{entry.mode}</span>}
        {entry !== undefined && (
          <PlaceLink to={{ layer, file: undefined }} isCurrent={isShown}>
            open this version
          </PlaceLink>
        )}
      </p>
      {step !== undefined && (
        <p class="entry-step">
          <code>{shownPath(stepText(step))}</code>
        </p>
      )}
    </li>
  );
}

/** Entries of a directory may be many: the list ends here. */
const HIDES_MAX = 500;

function Hides({ hides }: { hides: readonly EntryRecord[] }) {
  return (
    <>
      <h3>Hides</h3>
      <ul class="hides">
        {hides.slice(0, HIDES_MAX).map((entry, index) => (
          <li key={`${index} ${entry.layer}`}>
            <LayerBadge layer={entry.layer} />
            <PathLink path={pathOf(entry)} to={{ layer: entry.layer, deleted: true }} struck />
            {entry.kind === 'file' && <span class="faint">{sizeText(entry.size)}</span>}
          </li>
        ))}
      </ul>
      {hides.length > HIDES_MAX && <p class="note">and {hides.length - HIDES_MAX} more</p>}
    </>
  );
}
