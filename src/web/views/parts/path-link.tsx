import { pane } from '../../model/panes.js';
import type { Place } from '../../model/place.js';
import { shownPath } from '../../model/raw-path.js';
import { PlaceLink } from './place-link.js';

interface PathLinkProps {
  path: string;
  to?: Partial<Place>;
  struck?: boolean; // upper layers hide it
}

/** A link to an entry. The view stays: one can read one entry of a list after the other. */
export function PathLink({ path, to = {}, struck = false }: PathLinkProps) {
  const shown = shownPath(path);
  return (
    <PlaceLink
      to={{ path, layer: undefined, file: undefined, ...to }}
      class="path-link"
      onFollow={() => {
        pane.value = 'file';
      }}
    >
      {struck ? <s>{shown}</s> : shown}
    </PlaceLink>
  );
}
