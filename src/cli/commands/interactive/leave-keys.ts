import { LayerslayerError } from '../../../base/errors.js';

/** A terminal's keyboard, in raw mode while keys are watched. */
export type WatchedKeyboard = Pick<NodeJS.ReadStream, 'on' | 'off' | 'setRawMode' | 'pause' | 'resume'>;

const [ESCAPE, CTRL_C, CTRL_Z] = ['\x1b', '\x03', '\x1a'];

/**
 * Runs work that shows no screen of its own, such as indexing. Esc and q end it. Ctrl-C and Ctrl-Z
 * do what they do elsewhere.
 * @returns undefined: the user would rather go back
 * @throws what the work throws
 */
export async function untilLeft<T>(
  keyboard: WatchedKeyboard,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const leaving = new AbortController();
  const onKeys = (bytes: Uint8Array | string) => {
    const keys = bytes.toString();
    if (keys === ESCAPE || /^q/i.test(keys)) leaving.abort(new LayerslayerError('ABORTED', 'left'));
    // Raw mode turns them into bytes.
    else if (keys.includes(CTRL_C)) process.kill(process.pid, 'SIGINT');
    else if (keys.includes(CTRL_Z)) suspend();
  };
  const suspend = () => {
    keyboard.setRawMode(false);
    process.kill(0, 'SIGTSTP');
    keyboard.setRawMode(true);
  };
  keyboard.setRawMode(true);
  keyboard.on('data', onKeys);
  keyboard.resume();
  try {
    return await work(leaving.signal);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    return undefined;
  } finally {
    keyboard.off('data', onKeys);
    keyboard.pause();
    keyboard.setRawMode(false);
  }
}
