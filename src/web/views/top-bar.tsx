import { image } from '../model/image.js';
import { showPane } from '../model/panes.js';
import { go, place } from '../model/place.js';
import { shownPath } from '../model/raw-path.js';
import { nextTheme, theme } from '../model/theme.js';
import { ImageField } from './image-field.js';
import { PlaceLink } from './parts/place-link.js';

const START = { image: '', view: 'tree', path: '/' } as const;

const THEME_SIGNS = { system: '◐', light: '☀', dark: '☾' };

/** What is shown of which image, and the way elsewhere. */
export function TopBar({ onHelp }: { onHelp: () => void }) {
  const isStart = place.value.image === '';
  return (
    <header class="top">
      <h1>
        <PlaceLink to={START} class="brand" title="start">
          <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M8 1 1 4.5 8 8l7-3.500z" class="logo-top" />
            <path d="M1 8l7 3.500L15 8M1 11.500 8 15l7-3.500" />
          </svg>
          layerslayer
        </PlaceLink>
      </h1>
      {!isStart && <ImageField id="image" />}
      {!isStart && <PlatformChooser />}
      {!isStart && <FindBox />}
      <span class="top-end">
        <button
          type="button"
          class="plain"
          title={`Theme: ${theme.value}`}
          aria-label={`Theme: ${theme.value}. Change it`}
          onClick={nextTheme}
        >
          <span aria-hidden="true">{THEME_SIGNS[theme.value]}</span>
        </button>
        <button type="button" class="plain" title="Keys (?)" aria-label="Keys" onClick={onHelp}>
          <span aria-hidden="true">?</span>
        </button>
      </span>
    </header>
  );
}

function PlatformChooser() {
  const shown = image.value;
  if (!shown) return null;
  const { platform, platforms } = shown;
  if (platforms.length < 2) return <span class="platform">{shownPath(platform)}</span>;
  // Two images of an index may be for one platform: the first is what its name chooses.
  const names = [...new Set(platforms.map((one) => one.platform))];
  return (
    <select
      class="platform"
      aria-label="Platform"
      value={platform}
      onChange={(event) => go({ platform: event.currentTarget.value, layer: undefined })}
    >
      {names.map((name) => (
        <option key={name} value={name}>
          {shownPath(name)}
        </option>
      ))}
    </select>
  );
}

function FindBox() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get('find');
    if (typeof text !== 'string' || text.trim() === '') return;
    showPane('main');
    go({ view: 'find', find: text.trim() });
  };
  return (
    <search>
      <form class="find" onSubmit={submit}>
        <input
          id="find"
          name="find"
          type="search"
          aria-label="Find files"
          placeholder="find…  ( / )"
          autocomplete="off"
          spellcheck={false}
          defaultValue={place.value.find ?? ''}
          key={place.value.find ?? ''}
        />
      </form>
    </search>
  );
}
