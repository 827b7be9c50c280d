import type { ImageOffer, OfferedImage } from '../../source/image-source.js';
import type { CommandContext } from '../command.js';
import type { ImageValues } from '../image-choices.js';
import { withSession } from '../image-session-command.js';
import { pinnedReference } from './request-words.js';
import type { OpenedImage } from './steps.js';

/**
 * Finds an image with a session of its own, which is closed again: while the user reads and thinks, no thread and no
 * connection waits.
 * @param choose asked when the reference offers several images, and no platform was named
 * @returns undefined when it was interrupted
 * @throws LayerslayerError what `resolve` throws, what `choose` throws
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
