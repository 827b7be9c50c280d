import { SILENT_LOG } from '../../../base/log.js';
import { printable } from '../../../base/text/printable.js';
import { ContentStore } from '../../../cache/content-store.js';
import { CachedImages } from '../../../image/cached/cached-images.js';
import type { Command } from '../../command.js';
import { cachePlace } from '../../options/image-choices.js';
import { usageError } from '../../options/usage-error.js';
import { cacheListing, cacheTable } from './cache-listing.js';
import { CACHE } from './declaration.js';
import { removeImages } from './remove-images.js';
import { shrink, shrunkLine } from './shrink.js';

export const cache: Command<typeof CACHE.options> = {
  ...CACHE,
  async run(options, [action, ...images], context) {
    const { output } = context;
    const place = cachePlace(options, context);
    const noteAbsence = () => {
      if (!options.quiet && !ContentStore.isThere(place.directory))
        output.note(printable(`${place.directory}: no cache of layerslayer is there`));
    };
    if (action === 'rm') {
      if (images.length === 0) throw usageError('cache rm wants an IMAGE; all: cache clear');
      noteAbsence();
      return removeImages(images, place, { ...context, isQuiet: options.quiet });
    }
    if (images.length > 0) throw usageError(`cache ${action} takes no IMAGE: ${images[0]}`);
    if (action === 'ls') {
      noteAbsence();
      const files = await ContentStore.forReading(place.directory, SILENT_LOG).entries();
      const images = new CachedImages(place.directory).images(files);
      const listing = cacheListing(files, images, place);
      if (options.json) output.json(listing, 2);
      else output.result(cacheTable(listing));
      return 0;
    }
    if (action !== 'prune' && action !== 'clear')
      throw usageError(`cache ${action} is not known: want ls, prune, clear or rm`);
    noteAbsence();
    const removed = await shrink(place, action === 'clear' ? 0 : place.capBytes);
    if (options.json) output.json(removed, 2);
    else if (!options.quiet) output.result(shrunkLine(removed));
    return 0;
  },
};
