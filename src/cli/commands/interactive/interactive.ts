import { asLayerslayerError } from '../../../base/errors.js';
import { printable } from '../../../base/text/printable.js';
import { registryReference } from '../../../oci/image-location.js';
import { formatPlatform } from '../../../oci/platform.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import type { Command, CommandContext } from '../../command.js';
import { optionWords } from '../../command-line/option-words.js';
import { type SessionUse, withSession } from '../../image-session-command.js';
import { type ImageValues, imageChoices } from '../../options/image-choices.js';
import { IMAGE_OPTIONS } from '../../options/image-options.js';
import { usageError } from '../../options/usage-error.js';
import { Interruption } from '../../process/interruption.js';
import { reportFault, runCommand } from '../../run-command.js';
import { cutText } from '../../terminal/layout/cut-text.js';
import { overviewTables } from '../inspect/image-report.js';
import { browseImage } from './browse-image.js';
import { INTERACTIVE } from './declaration.js';
import type { Prompter } from './prompter.js';
import { pinnedReference, requestWords } from './request-words.js';
import { defaultImage, platformChoices } from './selection.js';
import { type OpenedImage, runSteps, type StepPorts } from './steps.js';

export const interactive: Command<typeof INTERACTIVE.options> = {
  ...INTERACTIVE,
  async run(values, [name], context) {
    const { output } = context;
    if (!process.stdin.isTTY || !output.terminal.isTerminal) {
      throw usageError(
        'interactive wants a terminal for stdin and stderr: in a script, say inspect, peek, carve or save',
      );
    }
    // The answers come from stdin.
    if (values['password-stdin']) {
      throw usageError(
        '--password-stdin does not go with interactive: use --token-file, or log in with docker',
      );
    }
    imageChoices(values, context);
    if (name !== undefined) imageArgument(name, context.cwd);
    // Loaded on demand: the library is large, and --help does not need it.
    const { TerminalPrompts } = await import('./terminal-prompts.js');
    const interruption = new Interruption();
    const signal = AbortSignal.any([interruption.signal, output.broken]);
    const prompter = new TerminalPrompts(output.terminal, signal);
    try {
      await runSteps(name, stepPorts(values, context, prompter, signal));
      return 0;
    } catch (error) {
      if (!signal.aborted) {
        if (prompter.hasLeft) return 0;
        throw error;
      }
      return interruption.status ?? 0; // the interrupted command has reported it
    } finally {
      interruption.release();
    }
  },
};

function stepPorts(
  values: ImageValues,
  context: CommandContext,
  prompter: Prompter,
  signal: AbortSignal,
): StepPorts {
  const { output } = context;
  const common = optionWords(IMAGE_OPTIONS, values, ['platform', 'log-file']); // the log file is open already
  return {
    prompter,
    async open(name, anyPlatform) {
      const wanted = anyPlatform ? { ...values, platform: undefined } : values;
      try {
        return await openImage(name, wanted, context, prompter);
      } catch (error) {
        if (asLayerslayerError(error).code === 'ABORTED') throw error;
        reportFault(error, output);
        return undefined;
      } finally {
        signal.throwIfAborted();
      }
    },
    show({ image }) {
      const { columns } = output.terminal;
      const title = cutText(`${image.reference} (${formatPlatform(image.platform)})`, columns);
      for (const line of ['', title, ...overviewTables(image, columns).split('\n'), '']) output.note(line);
    },
    async browse(selection) {
      try {
        await browseImage(selection, values, context);
      } catch (error) {
        if (asLayerslayerError(error).code === 'ABORTED') throw error;
        reportFault(error, output);
      } finally {
        signal.throwIfAborted();
      }
    },
    async run(request, selection) {
      const { run, shown } = requestWords(request, selection, common);
      output.note(`$ ${shown}`);
      const command = await context.command(request.command);
      await runCommand(command, run, { ...context, startedMs: performance.now(), isPaged: false });
      signal.throwIfAborted();
      output.note('');
    },
  };
}

/**
 * Finds an image with a session of its own: no thread and no connection waits while the user reads.
 * @param prompter asks for the platform if there are several and none was named
 * @returns undefined when interrupted
 * @throws LayerslayerError of the source or the prompter
 */
async function openImage(
  name: string,
  values: ImageValues,
  context: CommandContext,
  prompter: Prompter,
): Promise<OpenedImage | undefined> {
  let opened: OpenedImage | undefined;
  await withSession(name, values, context, async ({ session, reference: given, platform, signal }) => {
    const named = await chooseNamed({ name, reference: given }, { session, prompter, signal });
    const { reference } = named;
    const offer = await session.listImages(reference, signal);
    const { images } = offer;
    if (values.platform !== undefined || images.length === 0) {
      opened = { name: named.name, offer, image: await session.resolve(reference, platform, signal) };
      return 0;
    }
    const ask = () => prompter.chooseOne('Platform', platformChoices(offer), defaultImage(offer));
    const chosen = images.length > 1 ? await ask() : images[0]!;
    const pinned = pinnedReference({ reference, digest: chosen.digest });
    const image = await session.resolve(pinned, chosen.platform, signal);
    // `save` names directories by the tag.
    opened = { name: named.name, offer, image: { ...image, reference, platform: chosen.platform } };
    return 0;
  });
  return opened;
}

interface NamedReference {
  name: string; // as it was typed
  reference: string;
}

/**
 * Asks which image is meant if a layout or an archive has several.
 * @throws LayerslayerError of the source or the prompter
 */
async function chooseNamed(
  { name, reference }: NamedReference,
  { session, prompter, signal }: Pick<SessionUse, 'session' | 'signal'> & { prompter: Prompter },
): Promise<NamedReference> {
  if (registryReference(reference)) return { name, reference };
  try {
    await session.listImages(reference, signal);
    return { name, reference };
  } catch (error) {
    if (asLayerslayerError(error).code !== 'INVALID_REFERENCE') throw error;
    const tags = new Set<string>();
    for await (const page of session.tags(reference, signal)) for (const tag of page) tags.add(tag);
    if (tags.size < 2) throw error;
    const choices = [...tags].map((tag) => ({ value: tag, label: printable(tag) }));
    const tag = await prompter.chooseOne('Image', choices);
    return { name: `${name}:${tag}`, reference: `${reference}:${tag}` };
  }
}
