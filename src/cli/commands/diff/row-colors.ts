import type { CommandContext } from '../../command.js';
import { type ColorChoice, usesColors } from '../../terminal/layout/colors.js';

/** Select Graphic Rendition parameters (ECMA-48, 8.3.117), by what a line begins with. */
const STYLES: Readonly<Record<string, string>> = { '+': '32', '-': '31', '~': '33', '!': '35', '@': '36' };

/**
 * Returns a function that colours a line by its first character, or leaves it.
 * @param choice value of `--color`; default: auto
 */
export function rowPainter(
  choice: ColorChoice | undefined,
  { output, env }: Pick<CommandContext, 'output' | 'env'>,
): (line: string) => string {
  if (!usesColors(choice, output, env)) return (line) => line;
  return (line) => {
    const style = STYLES[line[0] ?? ''];
    return style === undefined ? line : `\x1b[${style}m${line}\x1b[0m`;
  };
}
