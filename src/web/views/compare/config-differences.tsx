import type { ConfigDifferenceRecord } from '../../../api/schemas/results.js';
import { shownPath } from '../../model/raw-path.js';

/** Characters of a value that are shown. */
const VALUE_MAX = 2_000;

/** What differs between the images' configs and build steps. */
export function ConfigDifferences({ rows }: { rows: readonly ConfigDifferenceRecord[] }) {
  if (rows.length === 0) return null;
  return (
    <details class="config-differences">
      <summary>
        {rows.length} {rows.length === 1 ? 'difference' : 'differences'} of config and build steps
      </summary>
      <ul>
        {rows.map((row, index) => (
          <li key={index}>
            <span class="config-name">{nameOf(row)}</span>
            {row.from !== undefined && row.from !== null && <del>{valueText(row.from)}</del>}
            {row.to !== undefined && row.to !== null && <ins>{valueText(row.to)}</ins>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function nameOf({ config, key, step }: ConfigDifferenceRecord): string {
  if (step !== undefined) return `step ${step}`;
  return shownPath(key === undefined ? (config ?? '') : `${config} ${key}`);
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return shownPath(text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);
}
