import { adviceFor } from '../../model/advice.js';
import type { ApiError } from '../../model/api.js';
import { retries } from '../../model/image.js';
import { shownPath } from '../../model/raw-path.js';

/** A fault, what the user can do about it, and a button that tries again. */
export function Fault({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const advice = adviceFor(error.code);
  return (
    <div class="fault" role="alert">
      <p class="fault-code">{error.code}</p>
      <p class="fault-message">{shownPath(error.message)}</p>
      {advice !== undefined && <p class="fault-advice">{advice}</p>}
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

/** Why there is no image to show. */
export function ImageFault({ error }: { error: ApiError }) {
  return (
    <main class="alone">
      <Fault error={error} onRetry={() => retries.value++} />
    </main>
  );
}
