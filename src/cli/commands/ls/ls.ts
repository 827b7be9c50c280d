import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { LS } from './declaration.js';

export const ls: Command<typeof LS.options> = {
  ...LS,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'ls does nothing yet');
  },
};
