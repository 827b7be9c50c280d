import { type LiveMount, listLiveMounts } from '../../daemon/status/live-mounts.js';
import type { Command } from '../command.js';
import { COMMON_OPTIONS } from '../image-options.js';
import { formatSize } from '../size.js';
import { textTable } from '../table.js';

export const mounts: Command<typeof COMMON_OPTIONS> = {
  name: 'mounts',
  summary: 'what is mounted, with bytes fetched and cache hits',
  synopsis: 'mounts [OPTIONS]',
  description:
    'Lists the mounts of this user (for root: of all users) with the state of their daemons: live, no-answer or dead.',
  options: COMMON_OPTIONS,
  positionals: { min: 0, max: 0, names: '', each: [] },
  examples: ['layerslayer mounts', "layerslayer mounts --json | jq '.[].mountpoint'"],
  failures: [],
  async run(options, _positionals, { output, uid }) {
    const found = await listLiveMounts(uid);
    if (options.json) output.json(found.map(record), 2);
    else if (found.length > 0) output.result(textTable([HEAD, ...found.map(row)]));
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
