import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { DIFF } from './declaration.js';

export const diff: Command<typeof DIFF.options> = {
  ...DIFF,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'diff does nothing yet');
  },
};
