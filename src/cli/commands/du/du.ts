import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { DU } from './declaration.js';

export const du: Command<typeof DU.options> = {
  ...DU,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'du does nothing yet');
  },
};
