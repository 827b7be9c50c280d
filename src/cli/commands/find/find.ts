import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { FIND } from './declaration.js';

export const find: Command<typeof FIND.options> = {
  ...FIND,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'find does nothing yet');
  },
};
