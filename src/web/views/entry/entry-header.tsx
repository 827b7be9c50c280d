import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { stepText } from '../../model/build-step.js';
import { changedText, sizeText } from '../../model/format.js';
import { showPane } from '../../model/panes.js';
import { place } from '../../model/place.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PathLink } from '../parts/path-link.js';
import { PlaceLink } from '../parts/place-link.js';
import { modeLetters, ownerText } from './shown-entry.js';

const KIND_NAMES: Readonly<Record<EntryRecord['kind'], string>> = {
  file: 'file',
  dir: 'directory',
  symlink: 'symbolic link',
  hardlink: 'hard link',
  char: 'character device',
  block: 'block device',
  fifo: 'named pipe',
};

/** What an entry is and where it comes from. */
export function EntryHeader({ entry, stat }: { entry: EntryRecord; stat: StatRecord }) {
  const { kind, size, mode, layer, state, hiddenBy, how, device } = entry;
  const version = stat.versions.find((one) => one.layer === layer);
  const step = version?.step ?? (entry === stat.entry ? stat.step : undefined);
  const successor = stat.versions.find((one) => one.layer === hiddenBy);
  // The directory of an upper layer has other attributes, and also what is in this one.
  const isGone = state !== 'live' && !(kind === 'dir' && successor?.entry?.kind === 'dir');
  const goneStep = successor?.step ?? stat.hiddenStep;
  return (
    <header class="entry-header">
      <h2 class="entry-path">{isGone ? <s>{shownPath(pathOf(entry))}</s> : shownPath(pathOf(entry))}</h2>
      <p class="entry-facts">
        {kind === 'file' || kind === 'hardlink' ? (
          <span title={`${size.toLocaleString('en')} bytes`}>{sizeText(size)}</span>
        ) : (
          <span>{KIND_NAMES[kind]}</span>
        )}
        <span title={modeLetters(mode)}>{mode}</span>
        <span title={`user ${entry.uid}, group ${entry.gid}`}>{ownerText(entry)}</span>
        {!entry.implied && <time title="changed (UTC)">{changedText(entry)}</time>}
        {device !== undefined && <span>device {device.join(':')}</span>}
        {layer > 0 && (
          <span>
            layer <LayerBadge layer={layer} />
          </span>
        )}
        {place.value.view !== 'tree' && (
          <PlaceLink
            to={{ view: 'tree', deleted: isGone || place.value.deleted }}
            onFollow={() => {
              showPane('main');
            }}
          >
            show in tree
          </PlaceLink>
        )}
      </p>
      {step !== undefined && <Step step={step} />}
      {!isGone && hiddenBy !== undefined && (
        <p>
          Attributes replaced by layer <LayerBadge layer={hiddenBy} isHider />
        </p>
      )}
      {isGone && hiddenBy !== undefined && (
        <p class="entry-gone">
          {state === 'deleted' ? 'Deleted' : 'Replaced'} by layer <LayerBadge layer={hiddenBy} isHider />
          {how === 'opaque' && ' with its directory'}
        </p>
      )}
      {state !== 'live' && goneStep !== undefined && <Step step={goneStep} />}
      {entry.target !== undefined && <Target entry={entry} leadsTo={stat.leadsTo} />}
      {entry.verified === false && (
        <p class="warning">The index of this layer was not compared with the layer.</p>
      )}
      {stat.names.length > 0 && (
        <p class="entry-names">
          Also named:{' '}
          {stat.names.map((name) => (
            <span key={pathOf(name)}>
              <PathLink path={pathOf(name)} />{' '}
            </span>
          ))}
        </p>
      )}
    </header>
  );
}

/** The build step that an entry comes from. */
function Step({ step }: { step: string }) {
  return (
    <p class="entry-step" title={shownPath(step)}>
      <code>{shownPath(stepText(step))}</code>
    </p>
  );
}

function Target({ entry, leadsTo }: { entry: EntryRecord; leadsTo: StatRecord['leadsTo'] }) {
  const { target = '', targetBase64, kind } = entry;
  const path = pathOf({ path: target, pathBase64: targetBase64 });
  return (
    <p class="entry-target">
      → <code>{shownPath(path)}</code>
      {kind === 'symlink' && leadsTo === undefined && <span class="warning"> leads nowhere</span>}
      {kind === 'symlink' && leadsTo !== undefined && (
        <>
          {' '}
          leads to <PathLink path={pathOf(leadsTo)} />
        </>
      )}
    </p>
  );
}
