import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { CAT } from './declaration.js';

export const cat: Command<typeof CAT.options> = {
  ...CAT,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'cat does nothing yet');
  },
};
