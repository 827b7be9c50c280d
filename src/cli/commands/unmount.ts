import { asLayerslayerError, LayerslayerError, toErrorRecord } from '../../base/errors.js';
import { listOurMounts, type OurMount, ourMountAt, unmountOurs } from '../../daemon/unmount.js';
import type { Command } from '../command.js';
import { EXIT_STATUS } from '../exit-status.js';
import { COMMON_OPTIONS } from '../image-options.js';
import { mountpointSpellings } from '../mountpoint-spellings.js';
import type { OptionTable } from '../option-table.js';
import { usageError } from '../usage-error.js';

const OPTIONS = {
  all: { kind: 'flag', short: 'a', summary: 'every mount of this user (for root: of all users)' },
  lazy: { kind: 'flag', summary: 'detach a busy mount; it ends when its last file is closed' },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const unmount: Command<typeof OPTIONS> = {
  name: 'unmount',
  summary: 'unmount, and wait until it is gone (alias: umount)',
  synopsis: 'unmount [OPTIONS] MOUNTPOINT...',
  description:
    'Unmounts images that layerslayer mounted, and nothing else; also what a killed daemon left behind.\n' +
    'Returns when the mount is gone and its daemon has ended.',
  options: OPTIONS,
  positionals: {
    min: 0,
    max: Number.POSITIVE_INFINITY,
    names: 'MOUNTPOINT...',
    each: [{ takes: 'mountpoint' }],
  },
  examples: ['layerslayer unmount /mnt/img', 'layerslayer unmount --all --lazy'],
  failures: ['UNMOUNT_FAILED', 'IO_FAILED'],
  async run(options, positionals, context) {
    if (options.all === positionals.length > 0) {
      throw usageError(options.all ? '--all takes no mountpoint' : 'unmount wants a MOUNTPOINT, or --all');
    }
    const mine = ({ owner }: OurMount) => context.uid === 0 || owner === context.uid;
    // The last mount first: it may be on top of another one.
    const wanted = options.all ? (await listOurMounts()).filter(mine).reverse() : positionals;
    let status = 0;
    for (const one of wanted) {
      try {
        const mount = typeof one === 'string' ? await mountAt(one, context.cwd) : one;
        await unmountOurs(mount, { lazy: options.lazy });
      } catch (error) {
        context.output.error(toErrorRecord(error));
        status ||= EXIT_STATUS[asLayerslayerError(error).code];
      }
    }
    return status; // of the first failure
  },
};

async function mountAt(path: string, cwd: string): Promise<OurMount> {
  for (const spelling of mountpointSpellings(path, cwd)) {
    const mount = await ourMountAt(spelling);
    if (mount) return mount;
  }
  throw new LayerslayerError('UNMOUNT_FAILED', `${path} is not a mount of layerslayer`);
}
