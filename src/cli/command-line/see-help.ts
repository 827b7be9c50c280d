import { PROGRAM } from './parser.js';

/** The end of each message about wrong usage: `see layerslayer mount --help`. */
export function seeHelp(command: string = PROGRAM): string {
  return `see ${command === PROGRAM ? PROGRAM : `${PROGRAM} ${command}`} --help`;
}
