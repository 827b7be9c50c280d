import { LayerslayerError } from '../../../base/errors.js';
import type { Command } from '../../command.js';
import { EXPORT } from './declaration.js';

export const exportTree: Command<typeof EXPORT.options> = {
  ...EXPORT,
  async run() {
    throw new LayerslayerError('UNSUPPORTED', 'export does nothing yet');
  },
};
