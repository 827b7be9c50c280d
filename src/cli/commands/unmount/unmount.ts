import { asLayerslayerError, LayerslayerError, toErrorRecord } from '../../../base/errors.js';
import { printable } from '../../../base/text/printable.js';
import { listOurMounts, type OurMount, ourMountAt, unmountOurs } from '../../../daemon/unmount.js';
import type { Command } from '../../command.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { EXIT_STATUS } from '../../process/exit-status.js';
import { UNMOUNT } from './declaration.js';
import { mountpointSpellings } from './mountpoint-spellings.js';

export const unmount: Command<typeof UNMOUNT.options> = {
  ...UNMOUNT,
  // Before the log file is opened: `unmount -l DIR` of umount(8) means something else here.
  prepare(options, positionals) {
    if (options.all === positionals.length > 0) throw usageError(wanted(options));
    return options;
  },
  async run(options, positionals, context) {
    const { json, quiet } = options;
    const mine = ({ owner }: OurMount) => context.uid === 0 || owner === context.uid;
    // The last mount first: it may be on top of another one.
    const wanted = options.all ? (await listOurMounts()).filter(mine).reverse() : positionals;
    const unmounted: OurMount[] = [];
    let status = 0;
    for (const one of wanted) {
      try {
        const mount = typeof one === 'string' ? await mountAt(one, context.cwd) : one;
        await unmountOurs(mount, { lazy: options.lazy });
        unmounted.push(mount);
        // The others were named by the user.
        if (options.all && !json && !quiet)
          context.output.result(`${printable(mount.mountpoint)}: unmounted`);
      } catch (error) {
        context.output.error(toErrorRecord(error));
        status ||= EXIT_STATUS[asLayerslayerError(error).code];
      }
    }
    if (options.all && json)
      context.output.json(
        unmounted.map(({ mountpoint, source }) => ({ mountpoint, image: source })),
        2,
      );
    return status; // of the first failure
  },
};

function wanted({ all, 'log-file': logFile }: OptionValues<typeof UNMOUNT.options>): string {
  if (all) return '--all takes no mountpoint';
  const hint = logFile === undefined ? '' : ' (-l is --log-file; umount -l is --lazy)';
  return `unmount wants a MOUNTPOINT, or --all${hint}`;
}

async function mountAt(path: string, cwd: string): Promise<OurMount> {
  for (const spelling of mountpointSpellings(path, cwd)) {
    const mount = await ourMountAt(spelling);
    if (mount) return mount;
  }
  throw new LayerslayerError('UNMOUNT_FAILED', `${path} is not a mount of layerslayer`);
}
