import { asLayerslayerError, type LayerslayerError } from '../../base/errors.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import type { Digest } from '../../oci/digest.js';
import type { SavedBlob, SaveOutcome, SaveTarget } from '../../save/saved-blob.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { ProgressReport, ReportedBlob } from '../progress-report.js';
import type { WantedBlob } from './wanted-blobs.js';

/** Blobs saved at once: as many as docker downloads, and registries are used to. */
const BLOBS_AT_ONCE = 3;

export interface SavePorts {
  /** The blob's number, once the thread that saves knows it. */
  openBlob(wanted: WantedBlob): Promise<BlobNumber>;
  save(blob: BlobNumber, target: SaveTarget, signal: AbortSignal): Promise<SavedBlob>;
  report: ProgressReport;
}

/**
 * Saves blobs, a few at a time. A fault of one is its outcome; the others are still saved.
 * @param target where each goes
 * @param onEnded told each outcome when it is known
 * @returns the outcomes in the order of `wanted`
 * @throws the signal's reason
 */
export async function saveLayers(
  wanted: readonly WantedBlob[],
  target: (digest: Digest) => SaveTarget,
  { openBlob, save, report }: SavePorts,
  onEnded: (outcome: SaveOutcome) => void,
  signal: AbortSignal,
): Promise<SaveOutcome[]> {
  const atOnce = new Semaphore(BLOBS_AT_ONCE);
  const saveOne = async (one: WantedBlob): Promise<SavedBlob | LayerslayerError> => {
    try {
      const reported: ReportedBlob = { ...one, blob: await openBlob(one) };
      report.indexing(reported);
      try {
        const saved = await save(reported.blob, target(one.digest), signal);
        report.done(reported, saved.how === 'complete');
        return saved;
      } finally {
        report.passEnded(reported);
      }
    } catch (error) {
      signal.throwIfAborted();
      return asLayerslayerError(error);
    }
  };
  const endOne = async (one: WantedBlob): Promise<SaveOutcome> => {
    const result = await atOnce.run(() => saveOne(one), signal);
    const outcome = { layers: one.numbers, digest: one.digest, size: one.size, result };
    onEnded(outcome);
    return outcome;
  };
  const ended = await Promise.allSettled(wanted.map(endOne));
  report.end();
  signal.throwIfAborted();
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
