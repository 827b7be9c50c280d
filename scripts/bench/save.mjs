// CPU time of `save`, beside skopeo's of the same image from the same registry.
import { join } from 'node:path';
import { interleavedLowest, megabytes, seconds } from './measure.mjs';
import { MAIN } from './mounts.mjs';

const PAIRS = 5;
/** Of skopeo's copy into an OCI layout. */
const CPU_LIMIT = 1.5;

export async function save({ workplace, images, report }) {
  const { reference, size, tarSize } = await images.usr();
  const place = workplace.folder('save');
  const from = ['--src-tls-verify=false', `docker://${reference}`];
  const at = (name) => join(place, name);
  const ours = (...words) => [
    process.execPath,
    MAIN,
    'save',
    '--quiet',
    '--insecure',
    '--cache-size',
    '0',
    ...words,
  ];
  const skopeo = (target) => ['skopeo', 'copy', '--quiet', '--insecure-policy', ...from, target];
  const subjects = {
    oci: ours('--format', 'oci', at('layout'), reference),
    'oci-archive': ours('--format', 'oci-archive', '-o', at('oci.tar'), reference),
    'docker-archive': ours('--format', 'docker-archive', '-o', at('docker.tar'), reference),
    skopeo: skopeo(`oci:${at('theirs')}:latest`),
    'skopeo docker-archive': skopeo(`docker-archive:${at('theirs.tar')}`),
  };
  const runs = Object.entries(subjects).map(([name, argv]) => [
    name,
    async () => {
      const cpu = await cpuSeconds(workplace, argv);
      await workplace.remove(place);
      workplace.folder('save');
      return cpu;
    },
  ]);
  const lowest = await interleavedLowest(PAIRS, Object.fromEntries(runs));
  const add = (name, to, limit) =>
    report.add({
      what: `save --format ${name}, ${megabytes(size)} (${megabytes(tarSize)} unpacked), CPU`,
      ours: seconds(lowest[name]),
      against: `${to} ${seconds(lowest[to])}`,
      ratio: lowest[name] / lowest[to],
      ...limit,
    });
  add('oci', 'skopeo', { atMost: CPU_LIMIT });
  add('oci-archive', 'skopeo', { atMost: CPU_LIMIT });
  add('docker-archive', 'skopeo', {});
  add('docker-archive', 'skopeo docker-archive', { atMost: CPU_LIMIT });
}

/** Returns the seconds that a program and its threads ran. */
async function cpuSeconds(workplace, argv) {
  const script = 'TIMEFORMAT="%U %S"; { time "$@" >/dev/null; } 2>&1';
  const [user, system] = (await workplace.bash(script, argv)).trim().split(' ').map(Number);
  return user + system;
}
