import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { runTool, type ToolOptions, type ToolResult } from './run-tool.js';

/** All of them take milliseconds; the room is for a machine that swaps. */
const TOOL_DEADLINE_MS = 10_000;

/**
 * Runs mount(8), umount(8) or fusermount3.
 * @returns what it failed with, in its own words; undefined when it did not
 * @throws LayerslayerError `code` when it can't be started
 */
export async function failureOfTool(
  program: string,
  args: readonly string[],
  code: 'MOUNT_FAILED' | 'UNMOUNT_FAILED',
  options: Omit<ToolOptions, 'deadlineMs'> = {},
): Promise<string | undefined> {
  let result: ToolResult;
  try {
    result = await runTool(program, args, { deadlineMs: TOOL_DEADLINE_MS, ...options });
  } catch (error) {
    throw new LayerslayerError(code, `running ${program}: ${asLayerslayerError(error).message}`, {
      cause: error,
    });
  }
  if (result.status === 0) return undefined;
  if (result.status === undefined) return `${program} did not end within ${TOOL_DEADLINE_MS / 1000} s`;
  return ownWords(result.stderr) || `${program} ended with ${result.status}`;
}

/** The first line, less the tool's name and the path that mount(8) says next: `mount: /mnt/img: permission denied.` */
function ownWords(stderr: string): string | undefined {
  return stderr.split('\n')[0]?.replace(/^(?:u?mount: (?:[^:]*: )?|\S*fusermount3?: )/, '');
}
