import { SHA256_LENGTH } from '../../oci/digest.js';
import { type EntryColumns, ROW_BYTES } from '../entry-columns.js';
import type { LayerIndex } from '../layer-index.js';
import type { TableBudget } from '../pass/table-budget.js';
import { type CheckpointColumns, unpackCheckpoints } from '../states/checkpoints.js';
import { unpackDetachedStates } from '../states/detached-states.js';
import { unpackRemoteStates } from '../states/remote-states.js';
import { decodeEntries } from './entry-sections.js';
import {
  readBlobSize,
  readCodec,
  readDigest,
  readGroupSize,
  readTarSize,
  readVerificationKind,
} from './head-fields.js';
import {
  damaged,
  fingerprintOf,
  type ReadIndexBytes,
  readHead,
  SECTIONS,
  type SectionName,
} from './index-head.js';
import { unpackCount } from './packed-columns.js';
import { readSection } from './stored-section.js';
import { unpackVerification } from './verification-codec.js';
import { unpackWarnings } from './warning-codec.js';

/** Bytes in memory for each row of a section, whatever the section takes in the file. */
const ROW_SIZES: Partial<Record<SectionName, number>> = {
  entries: ROW_BYTES,
  paths: 4,
  links: 4,
  attributes: 18,
  xattrs: 4,
  sparse: 64,
  checkpoints: 36,
  chunks: 40,
};

/**
 * Reads everything but the states.
 * @param known the entries, if they are in memory: they are not read
 * @param budget limits the memory of an index that others made
 * @throws LayerslayerError CORRUPT_LAYER for damage, another version, anything that this version
 *   does not support, and what `read` throws; UNSUPPORTED past the budget
 */
export function decodeLayerIndex(
  read: ReadIndexBytes,
  known?: EntryColumns,
  budget?: TableBudget,
): LayerIndex {
  const { head, sections } = readHead(read);
  const content = (name: SectionName) => {
    const section = sections.get(SECTIONS[name][0]);
    budget?.spend(section?.size ?? 0); // before it is inflated
    const bytes = readSection(read, name, section);
    const rowBytes = ROW_SIZES[name];
    if (budget && rowBytes !== undefined) budget.spend(unpackCount(bytes) * rowBytes);
    return bytes;
  };
  const codec = readCodec(head);
  const blobSize = readBlobSize(head);
  const tarSize = readTarSize(head);
  const checkpoints = readCheckpoints(head, content('checkpoints'), content('stateDigests'));
  const verification = unpackVerification(readVerificationKind(head), content('digests'), content('chunks'), {
    checkpoints: checkpoints.length,
    blobSize,
    tarSize,
  });
  const states = sections.get(SECTIONS.states[0]);
  const remote = content('remoteStates');
  const detached = content('detachedStates');
  // Without digests, the states could be those of another index.
  if (detached.length > 0 && !sections.has(SECTIONS.stateDigests[0])) throw damaged('state digests');
  return {
    digest: readDigest(head),
    fingerprint: fingerprintOf(head),
    codec,
    blobSize,
    tarSize,
    entries: known ?? decodeEntries(content, blobSize),
    checkpoints,
    verification,
    warnings: unpackWarnings(content('warnings')),
    states: { offset: states?.offset ?? 0, length: states?.length ?? 0 },
    ...(remote.length > 0 && { remoteStates: unpackRemoteStates(remote) }),
    ...(detached.length > 0 && { detachedStates: unpackDetachedStates(detached) }),
  };
}

function readCheckpoints(head: Buffer, packed: Uint8Array, groupDigests: Uint8Array): CheckpointColumns {
  const checkpoints = unpackCheckpoints(packed, readGroupSize(head), groupDigests);
  const groups = checkpoints.groupStarts.length - 1;
  const isWhole = groupDigests.length === 0 || groupDigests.length === groups * SHA256_LENGTH;
  if (!isWhole) throw damaged('number of state digests');
  return checkpoints;
}
