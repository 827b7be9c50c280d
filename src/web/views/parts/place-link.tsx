import type { ComponentChildren } from 'preact';
import { formatPlace, go, type Place, place } from '../../model/place.js';

interface PlaceLinkProps {
  to: Partial<Place>;
  class?: string;
  title?: string;
  'aria-label'?: string;
  isCurrent?: boolean;
  onFollow?: () => void;
  children: ComponentChildren;
}

/** A link to another place of the page. It has an address: it can be copied, and opened in a new tab. */
export function PlaceLink({ to, isCurrent = false, onFollow, children, ...more }: PlaceLinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
    onFollow?.();
  };
  return (
    <a
      href={formatPlace({ ...place.value, ...to })}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={follow}
      {...more}
    >
      {children}
    </a>
  );
}
