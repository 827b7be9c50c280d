import { shownPath } from '../../model/raw-path.js';
import { PlaceLink } from '../parts/place-link.js';

/** The directories above a path as links. They stay in the view. */
export function Breadcrumbs({ path }: { path: string }) {
  const names = path.split('/').filter(Boolean);
  return (
    <nav class="breadcrumbs" aria-label="Directories above">
      <ol>
        {['', ...names].map((name, index) => {
          const own = `/${names.slice(0, index).join('/')}`;
          return (
            <li key={own}>
              <PlaceLink to={{ path: own, file: undefined }} isCurrent={index === names.length}>
                {index === 0 ? '/' : shownPath(name)}
              </PlaceLink>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
