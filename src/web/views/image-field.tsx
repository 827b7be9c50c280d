import { useLayoutEffect, useRef } from 'preact/hooks';
import { showPane } from '../model/panes.js';
import { go, type Place, place } from '../model/place.js';

/** Returns the place where an image is first shown. */
export function placeOfImage(image: string, platform?: string): Place {
  const none = { layer: undefined, deleted: undefined, sort: undefined, file: undefined };
  return { ...none, image, platform, view: 'tree', path: '/', other: undefined, find: undefined };
}

/** The field for a reference. Enter opens it. */
export function ImageField({ id, autofocus = false }: { id: string; autofocus?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  // The attribute of that name takes effect with the next frame: letters typed before are lost.
  useLayoutEffect(() => {
    if (autofocus) input.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get('image');
    if (typeof text !== 'string' || text.trim() === '') return;
    showPane('main');
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur(); // the tree takes the focus
    go(placeOfImage(text.trim()));
  };
  return (
    <form class="image-field" onSubmit={submit}>
      <label for={id} class="unseen">
        Image
      </label>
      <input
        ref={input}
        id={id}
        name="image"
        type="text"
        placeholder="nginx:alpine"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        defaultValue={place.value.image}
        key={place.value.image}
      />
      <button type="submit" title="Open the image (Enter)" aria-label="Open">
        <span aria-hidden="true">⏎</span>
      </button>
    </form>
  );
}
