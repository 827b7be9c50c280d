import { stepText } from '../../model/build-step.js';
import { image } from '../../model/image.js';
import { shownPath } from '../../model/raw-path.js';
import { PlaceLink } from '../parts/place-link.js';

/** What the manifest and the config say of the image. */
export function ImageFacts() {
  const shown = image.value;
  if (!shown) return null;
  const { reference, digest, indexDigest, config, steps } = shown;
  const pinned = `${reference.replace(/@sha256:[0-9a-f]{64}$/, '')}@${indexDigest ?? digest}`;
  return (
    <div class="facts">
      <details>
        <summary>Image config</summary>
        <dl>
          <Fact name="digest" value={digest} />
          {Object.entries(config).map(([name, value]) => (
            <Fact key={name} name={name} value={value} />
          ))}
        </dl>
        {!isLocal(reference) && (
          <p>
            <PlaceLink to={{ image: pinned }} title="The tag may move, the digest stays">
              Permanent address of this view
            </PlaceLink>
          </p>
        )}
      </details>
      <details>
        <summary>Build steps ({steps.length})</summary>
        <ol class="steps">
          {steps.map(({ createdBy, comment, emptyLayer, layer }, i) => (
            <li key={i} class={emptyLayer ? 'faint' : ''}>
              {layer !== undefined && `[${layer}] `}
              {shownPath(stepText(createdBy ?? comment ?? '–'))}
            </li>
          ))}
        </ol>
      </details>
    </div>
  );
}

/** Whether the image is in a layout or archive: the server shows it by the name that it was given only. */
function isLocal(reference: string): boolean {
  return /^[a-z-]+:\//.test(reference);
}

function Fact({ name, value }: { name: string; value: unknown }) {
  const lines = factLines(value);
  if (lines.length === 0) return null;
  return (
    <div>
      <dt>{shownPath(name)}</dt>
      {lines.map((line) => (
        <dd key={line}>{shownPath(line)}</dd>
      ))}
    </div>
  );
}

function factLines(value: unknown): string[] {
  if (value === null || value === undefined || value === '') return [];
  if (Array.isArray(value)) return value.flatMap(factLines);
  if (typeof value !== 'object') return [String(value)];
  return Object.entries(value).map(([name, one]) => {
    const text = typeof one === 'string' ? one : JSON.stringify(one);
    return text === '{}' ? name : `${name}: ${text}`;
  });
}
