import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { CP } from './declaration.js';

export const cp: Command<typeof CP.options> = {
  ...CP,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'cp does nothing yet');
  },
};
