import type { ImageOffer, OfferedImage } from '../../source/image-source.js';
import type { CommandContext } from '../command.js';
import type { ImageValues } from '../image-choices.js';
import { withSession } from '../image-session-command.js';
import { pinnedReference } from './request-words.js';
import type { OpenedImage } from './steps.js';

/**
 * Finds an image with its own session, and closes it: no thread and no connection waits while the
 * user reads.
 * @param choose called if the reference offers several images, and no platform was named
 * @returns undefined when interrupted
 * @throws LayerslayerError the errors of `resolve` and `choose`
 */
export async function openImage(
  name: string,
  values: ImageValues,
  context: CommandContext,
  choose: (offer: ImageOffer) => Promise<OfferedImage>,
): Promise<OpenedImage | undefined> {
  let opened: OpenedImage | undefined;
  await withSession(name, values, context, async ({ session, reference, platform, signal }) => {
    const offer = await session.listImages(reference, signal);
    const { images } = offer;
    if (values.platform !== undefined || images.length === 0) {
      opened = { name, offer, image: await session.resolve(reference, platform, signal) };
      return 0;
    }
    const chosen = images.length > 1 ? await choose(offer) : images[0]!;
    const pinned = pinnedReference({ reference, digest: chosen.digest });
    const image = await session.resolve(pinned, chosen.platform, signal);
    // Named by its tag as before: that is what files are saved under.
    opened = { name, offer, image: { ...image, reference, platform: chosen.platform } };
    return 0;
  });
  return opened;
}
