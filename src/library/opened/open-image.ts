import { asLayerslayerError } from '../../base/errors.js';
import { redactor } from '../../base/text/redact.js';
import type { Image } from '../image.js';
import { guarded } from '../operations/caller-callbacks.js';
import { Operations } from '../operations/operations.js';
import { processHold } from '../operations/process-hold.js';
import type { OpenImageOptions } from '../options.js';
import { choicesOf, ownSurroundings } from './choices.js';
import { SessionImage } from './session-image.js';
import { type SessionListener, useSession } from './shared-sessions.js';

/** See `openImage`. */
export async function openSharedImage(image: string, options: OpenImageOptions): Promise<Image> {
  const { choices, listener, operations, shared } = begin(image, options);
  try {
    const opened = await operations.run(undefined, (signal) =>
      shared.images.open(choices.reference, choices.platform, { signal }),
    );
    return new SessionImage({
      opened,
      operations,
      choices,
      listener,
      onProgress: guarded(options.onProgress),
      release: () => shared.release(),
    });
  } catch (error) {
    await processHold.during(() => shared.release()); // nothing is left when we throw
    throw error;
  }
}

/** @throws LayerslayerError, also without a working directory or the permission to start threads */
function begin(image: string, options: OpenImageOptions) {
  try {
    const choices = choicesOf(image, options, ownSurroundings());
    const redact = redactor(choices.registry);
    const operations = new Operations(choices.reference, redact, options.signal);
    const onMessage = guarded(options.onMessage);
    const listener = withoutRepeats((level, text) => onMessage(level, redact(text)));
    return { choices, listener, operations, shared: useSession(choices, listener) };
  } catch (error) {
    throw asLayerslayerError(error);
  }
}

/** Warnings that are remembered. */
const WARNINGS_MAX = 100;

/** Several threads may find the same fault, such as a cache that cannot be written. */
function withoutRepeats(listener: SessionListener): SessionListener {
  const said = new Set<string>();
  return (level, text) => {
    if (level === 'warn' && said.has(text)) return;
    if (level === 'warn' && said.size < WARNINGS_MAX) said.add(text);
    listener(level, text);
  };
}
