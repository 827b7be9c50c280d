import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { TAGS } from './declaration.js';

export const tags: Command<typeof TAGS.options> = {
  ...TAGS,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'tags does nothing yet');
  },
};
