import { showPane } from '../../model/panes.js';
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
  const Text = struck ? 's' : 'span';
  const nameAt = path.lastIndexOf('/') + 1;
  return (
    <PlaceLink
      to={{ path, layer: undefined, file: undefined, ...to }}
      class="path-link"
      title={shownPath(path)}
      aria-label={shownPath(path)}
      onFollow={() => showPane('file')}
    >
      <Text class="path-directory">{shownPath(path.slice(0, nameAt))}</Text>
      <Text class="path-name">{shownPath(path.slice(nameAt))}</Text>
    </PlaceLink>
  );
}
