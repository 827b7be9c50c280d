import { afterAll, beforeAll, describe } from 'vitest';
import type { Transport, TransportName } from '#src/fuse/transport.js';
import { attributes } from './attributes.js';
import { caching } from './caching.js';
import type { Capabilities } from './capabilities.js';
import { daemon } from './daemon.js';
import { directories } from './directories.js';
import { errors } from './errors.js';
import { holes } from './holes.js';
import { largeDirectory } from './large-directory.js';
import { mounts } from './mounts.js';
import { names } from './names.js';
import { permissions } from './permissions.js';
import { reading } from './reading.js';
import { running } from './running.js';
import { Scene, type Subject } from './scene.js';
import { stacking } from './stacking.js';
import { waiting } from './waiting.js';
import { writes } from './writes.js';
import { xattrs } from './xattrs.js';

const SUBJECTS: readonly Subject[] = [
  attributes,
  names,
  directories,
  largeDirectory,
  reading,
  holes,
  xattrs,
  errors,
  permissions,
  writes,
  running,
  stacking,
  caching,
  waiting,
  mounts,
  daemon,
];

/**
 * Declares tests of what programs see of a mounted image, which is the same for all transports.
 * Tests beyond a transport's capabilities are skipped, and reported.
 * @param isHere false: this machine lacks what the transport needs
 */
export function conformance(
  name: TransportName,
  transport: Transport,
  capabilities: Capabilities,
  { isHere = true } = {},
): void {
  const title = isHere ? name : `${name} [not on this machine]`;
  describe.runIf(isHere)(title, () => {
    const scene = new Scene(name, transport, capabilities, SUBJECTS);
    beforeAll(() => scene.start());
    afterAll(() => scene.stop());
    for (const subject of SUBJECTS) describe(subject.name, () => subject.tests(scene));
  });
}
