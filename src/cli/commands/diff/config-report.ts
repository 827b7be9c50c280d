import { printable } from '../../../base/text/printable.js';
import type {
  ConfigDifference,
  ConfigValue,
  StepDifference,
} from '../../../image/compare/config-differences.js';
import type { Sign } from './difference-lines.js';

type Difference = ConfigDifference | StepDifference;

function configSign({ from, to }: Difference): Sign {
  return from === undefined ? '+' : to === undefined ? '-' : '~';
}

/** `~ config env PATH  "/bin" -> "/usr/bin"`, `+ step 3  RUN make` */
export function configLine(difference: Difference): string {
  const { from, to } = difference;
  const sign = configSign(difference);
  if (difference.kind === 'step') {
    const command = (difference.from ?? difference.to)!.replace(/\s+/g, ' ').trim();
    return printable(`${sign} step ${difference.step}  ${command}`);
  }
  const { field, key } = difference;
  const name = `${sign} config ${field}${key === undefined ? '' : ` ${key}`}`;
  if (field === 'exposedPorts' || field === 'volumes') return printable(name); // the key says it
  const values = [from, to].filter((value) => value !== undefined).map(valueText);
  return printable(`${name}  ${values.join(' -> ')}`);
}

const valueText = (value: ConfigValue) => JSON.stringify(value);
