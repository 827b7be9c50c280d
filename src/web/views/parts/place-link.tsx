import type { ComponentChildren } from 'preact';
import { formatPlace, go, type Place, place } from '../../model/place.js';
import { shownPath } from '../../model/raw-path.js';

interface PlaceLinkProps {
  to: Partial<Place>;
  children: ComponentChildren;
  class?: string;
  isCurrent?: boolean;
  title?: string;
}

/** A link to another place of this page. Opens in another tab too. */
export function PlaceLink({ to, children, isCurrent = false, ...more }: PlaceLinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  const href = formatPlace({ ...place.value, ...to });
  return (
    <a href={href} onClick={follow} aria-current={isCurrent ? 'page' : undefined} {...more}>
      {children}
    </a>
  );
}

/** A link to an entry in the tree. */
export function PathLink({
  path,
  to = {},
  struck = false,
}: {
  path: string;
  to?: Partial<Place>;
  struck?: boolean;
}) {
  const shown = shownPath(path);
  return (
    <PlaceLink to={{ view: 'tree', path, layer: undefined, file: undefined, ...to }} class="path-link">
      {struck ? <s>{shown}</s> : shown}
    </PlaceLink>
  );
}
