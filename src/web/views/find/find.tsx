import type { FindEndRecord, FoundRecord } from '../../../api/schemas/results.js';
import { sizeText } from '../../model/format.js';
import { image } from '../../model/image.js';
import { go, place } from '../../model/place.js';
import { pathOf, shownPath } from '../../model/raw-path.js';
import { useIdleFocus } from '../parts/idle-focus.js';
import { imageQuery } from '../parts/image-query.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PathLink } from '../parts/path-link.js';
import { RequestState } from '../parts/request-state.js';
import { useLines } from '../parts/requests.js';
import { VirtualRows } from '../parts/virtual-rows.js';

/** Entries after which the search ends: all of them stay in memory. */
const FOUND_MAX = 100_000;

/** CSS pixels of a row, as in styles/list.css. */
const ROW_HEIGHT = 28;

/** Files of the image by pattern, size, mode and kind. */
export function Find() {
  const { find, size, mode, kind, only } = place.value;
  const filters = { size, mode, kind, deleted: only === 'deleted' || undefined };
  const isAsked = find !== undefined || Object.values(filters).some((value) => value !== undefined);
  const query = { ...imageQuery(), pattern: find ?? '*', ...filters };
  const lines = useLines<FoundRecord | FindEndRecord>('find', isAsked ? query : undefined, FOUND_MAX);
  const asked = JSON.stringify([find, filters]);
  useIdleFocus(asked);
  const last = lines.rows.at(-1);
  const count = lines.rows.length - (last !== undefined && 'complete' in last ? 1 : 0);
  return (
    <section class="view find-view" aria-label="Find">
      <FindForm key={asked} />
      {!isAsked && (
        <p class="note">
          A pattern is a name such as <code>*.conf</code>, or with a slash a path such as{' '}
          <code>{'/etc/**/*.d'}</code>.
        </p>
      )}
      {isAsked && <RequestState request={lines} what="files" />}
      {isAsked && (count > 0 || lines.error === undefined) && (
        <p class="faint" role="status">
          {count === 0 && lines.isDone
            ? 'Nothing found.'
            : `${count.toLocaleString('en')} found${lines.isDone ? '' : ' so far'}`}
          {lines.isCut && '; the search ended here'}
        </p>
      )}
      <VirtualRows
        label="Found entries"
        isList
        count={count}
        rowHeight={ROW_HEIGHT}
        row={(index) => <FoundRow entry={lines.rows[index] as FoundRecord} />}
      />
    </section>
  );
}

const KIND_SIGNS: Readonly<Record<FoundRecord['kind'], string>> = {
  file: '',
  dir: 'dir',
  symlink: 'link',
  hardlink: '',
  char: 'char',
  block: 'block',
  fifo: 'fifo',
};

function FoundRow({ entry }: { entry: FoundRecord }) {
  const { layer, hiddenBy, kind, size, mode, state, target } = entry;
  const isGone = state !== 'live';
  return (
    <>
      <span class="row-size">{KIND_SIGNS[kind] === '' ? sizeText(size) : <i>{KIND_SIGNS[kind]}</i>}</span>
      <span class="row-mode faint">{mode}</span>
      <LayerBadge layer={layer} />
      {isGone && <LayerBadge layer={hiddenBy ?? 0} isHider />}
      <PathLink
        path={pathOf(entry)}
        to={{ deleted: isGone || undefined, layer: state === 'overridden' ? layer : undefined }}
        struck={isGone}
      />
      {target !== undefined && <span class="faint row-rest">→ {shownPath(target)}</span>}
    </>
  );
}

const KINDS = ['file', 'dir', 'symlink', 'char', 'block', 'fifo'] as const;

/** What a field of the form has; undefined: nothing. */
function textOf(form: FormData, name: string): string | undefined {
  const text = form.get(name);
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}

function FindForm() {
  const { find, size, mode, kind, only } = place.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    go({
      find: textOf(form, 'pattern') ?? '*',
      size: textOf(form, 'size'),
      mode: textOf(form, 'mode'),
      kind: textOf(form, 'kind'),
      only: form.has('deleted') ? 'deleted' : undefined,
    });
  };
  return (
    <form class="find-form" onSubmit={submit}>
      <label class="wide">
        Name or path
        <input
          name="pattern"
          defaultValue={find ?? ''}
          placeholder="*.conf"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <label>
        Size
        <input name="size" defaultValue={size ?? ''} placeholder="+10M, 1k..2k" autocomplete="off" />
      </label>
      <label>
        Mode
        <input name="mode" defaultValue={mode ?? ''} placeholder="u+s, o+w" autocomplete="off" />
      </label>
      <label>
        Kind
        <select name="kind" defaultValue={kind ?? ''}>
          <option value="">all</option>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input type="checkbox" name="deleted" defaultChecked={only === 'deleted'} />
        only deleted
      </label>
      <button type="submit" disabled={image.value === undefined}>
        Find
      </button>
    </form>
  );
}
