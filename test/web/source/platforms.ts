/** Platforms of images with several: one of them is this machine's, on any machine. */

import { defaultPlatform } from '#src/oci/platform.js';

/** Chosen by default. */
export const OWN_PLATFORM = { ...defaultPlatform() };

export const OTHER_PLATFORM = {
  os: 'linux',
  architecture: OWN_PLATFORM.architecture === 'arm64' ? 'amd64' : 'arm64',
};
