import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { runTool, type ToolOptions, type ToolResult } from './run-tool.js';

/** Tools take milliseconds. The rest is for a machine that swaps. */
const TOOL_DEADLINE_MS = 10_000;

/**
 * Runs mount(8), umount(8) or fusermount3.
 * @returns the tool's own error message; undefined if it succeeded
 * @throws LayerslayerError `code` if it can't be started
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

/** First line without the tool's name and path: `mount: /mnt/img: permission denied.` */
function ownWords(stderr: string): string | undefined {
  return stderr.split('\n')[0]?.replace(/^(?:u?mount: (?:[^:]*: )?|\S*fusermount3?: )/, '');
}
