import { type LiveMount, listLiveMounts } from '../../../daemon/status/live-mounts.js';
import type { Command } from '../../command.js';
import { textTable } from '../../terminal/layout/table.js';
import { formatSize } from '../../terminal/wording/size.js';
import { MOUNTS } from './declaration.js';

export const mounts: Command<typeof MOUNTS.options> = {
  ...MOUNTS,
  async run(options, _positionals, { output, uid }) {
    const found = await listLiveMounts(uid);
    if (options.json) output.json(found.map(record), 2);
    else output.result(textTable([HEAD, ...found.map(row)]));
    return 0;
  },
};

const HEAD = ['MOUNTPOINT', 'IMAGE', 'PLATFORM', 'PID', 'SINCE', 'FETCHED', 'SERVED', 'CACHE HITS'];

/** The kernel's data only, if the daemon does not answer. */
function record({ mount, state, status }: LiveMount): object {
  return { ...(status ?? { mountpoint: mount.mountpoint, image: mount.source }), state };
}

function row({ mount, state, status }: LiveMount): string[] {
  if (!status) {
    const why = state === 'dead' ? 'dead: unmount it' : 'does not answer';
    return [mount.mountpoint, mount.source, '-', '-', why, '-', '-', '-'];
  }
  const lookups = status.cacheHits + status.cacheMisses;
  return [
    status.mountpoint,
    status.image,
    status.platform,
    String(status.pid),
    status.since.replace(/\.\d+Z$/, 'Z'),
    formatSize(status.bytesFetched),
    formatSize(status.bytesServed),
    lookups === 0 ? '-' : `${Math.floor((status.cacheHits / lookups) * 100)}% of ${lookups}`,
  ];
}
