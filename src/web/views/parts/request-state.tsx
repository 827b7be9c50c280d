import { sizeText } from '../../model/format.js';
import { Fault } from './fault.js';
import { attempts, type Requested } from './requests.js';

/** Shows that a request is under way, or why it failed. Shows nothing when it is done. */
export function RequestState({ request, what }: { request: Requested; what: string }) {
  const { isDone, error, progress } = request;
  if (error !== undefined) {
    return <Fault error={error} onRetry={() => attempts.value++} />;
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
