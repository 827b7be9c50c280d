import type { ImageConfig } from '../../oci/image-config.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import { type StepDifference, stepDifferences } from './step-differences.js';

export type { StepDifference } from './step-differences.js';

/** What of a config can differ: the names of `inspect --json`, and the platform. */
export type ConfigField =
  | 'platform'
  | 'created'
  | 'author'
  | 'user'
  | 'workingDir'
  | 'entrypoint'
  | 'cmd'
  | 'shell'
  | 'stopSignal'
  | 'env'
  | 'exposedPorts'
  | 'volumes'
  | 'labels';

export type ConfigValue = string | readonly string[];

/** Values are of the first image and of the second; undefined: it has none. */
export interface ConfigDifference {
  kind: 'config';
  field: ConfigField;
  key?: string; // of a variable, label, port or volume
  from: ConfigValue | undefined;
  to: ConfigValue | undefined;
}

/** A config with what its image is for. */
export interface ComparedConfig {
  config: ImageConfig;
  platform: Platform;
}

/**
 * Compares how containers of two images are run, and their build steps. The order of variables,
 * labels, ports and volumes has no meaning.
 * @param options.times whether the time of creation counts
 */
export function configDifferences(
  from: ComparedConfig,
  to: ComparedConfig,
  { times = false }: { times?: boolean | undefined } = {},
): (ConfigDifference | StepDifference)[] {
  const [some, others] = [from.config, to.config];
  const [a, b] = [some.container, others.container];
  return [
    ...value('platform', formatPlatform(from.platform), formatPlatform(to.platform)),
    ...(times ? value('created', some.created, others.created) : []),
    ...value('author', some.author, others.author),
    ...value('user', a.user, b.user),
    ...value('workingDir', a.workingDir, b.workingDir),
    ...value('entrypoint', a.entrypoint, b.entrypoint),
    ...value('cmd', a.cmd, b.cmd),
    ...value('shell', a.shell, b.shell),
    ...value('stopSignal', a.stopSignal, b.stopSignal),
    ...keyed('env', variables(a.env), variables(b.env)),
    ...keyed('exposedPorts', setOf(a.exposedPorts), setOf(b.exposedPorts)),
    ...keyed('volumes', setOf(a.volumes), setOf(b.volumes)),
    ...keyed('labels', new Map(Object.entries(a.labels)), new Map(Object.entries(b.labels))),
    ...stepDifferences(some.history, others.history),
  ];
}

function value(
  field: ConfigField,
  from: ConfigValue | undefined,
  to: ConfigValue | undefined,
): ConfigDifference[] {
  return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ kind: 'config', field, from, to }];
}

/** By name, those of the first image first. */
function keyed(
  field: ConfigField,
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
): ConfigDifference[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((key) =>
    value(field, from.get(key), to.get(key)).map((difference) => ({ ...difference, key })),
  );
}

/** `NAME=value`; of a repeated name the last counts. */
function variables(env: readonly string[]): Map<string, string> {
  return new Map(
    env.map((one) => {
      const at = one.indexOf('=');
      return at < 0 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}

const setOf = (names: readonly string[]) => new Map(names.map((name) => [name, name]));
