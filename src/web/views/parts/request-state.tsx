import { sizeText } from '../../model/format.js';
import { retries } from '../../model/image.js';
import { shownPath } from '../../model/raw-path.js';
import type { Requested } from './requests.js';

/** Shows that a request is under way, or why it failed. Shows nothing when it is done. */
export function RequestState({ request, what }: { request: Requested; what: string }) {
  const { isDone, error, progress } = request;
  if (error !== undefined) {
    return (
      <div class="fault" role="alert">
        <p class="fault-code">{error.code}</p>
        <p class="fault-message">{shownPath(error.message)}</p>
        <button type="button" onClick={() => retries.value++}>
          Try again
        </button>
      </div>
    );
  }
  if (isDone) return null;
  const layers = progress?.layers ?? [];
  const done = layers.reduce((total, { doneBytes }) => total + doneBytes, 0);
  const all = layers.reduce((total, { totalBytes }) => total + totalBytes, 0);
  return (
    <p class="note" role="status">
      {progress === undefined
        ? `Loading ${what}…`
        : `Indexing layers: ${sizeText(done)} of ${sizeText(all)}…`}
    </p>
  );
}
