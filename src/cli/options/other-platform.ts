import { formatPlatform, type Platform, platformDistance } from '../../oci/platform.js';

/**
 * Returns the warning that `--platform` did not choose the image, as docker has it: a reference by
 * digest, or a position in an archive, names one image, whatever its platform.
 * @param asked `--platform`; undefined if it was not given
 * @param platform of the image; one without a platform counts as the asked one
 */
export function otherPlatform(
  asked: Platform | undefined,
  { reference, platform }: { reference: string; platform: Platform },
): string | undefined {
  if (asked === undefined || platformDistance(asked, platform) !== undefined) return undefined;
  const [is, wanted] = [formatPlatform(platform), formatPlatform(asked)];
  return `warning: ${reference} is for ${is}, and not for ${wanted} as --platform asks`;
}
