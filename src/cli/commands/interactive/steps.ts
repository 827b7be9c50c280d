import { ACTION_NAMES, ACTIONS, type ActionName, type Request } from './actions.js';
import type { Choice, Prompter } from './prompter.js';
import { layerChoices, layersText, type Selection, viewText } from './selection.js';

/** An image that was found; its layers are not chosen yet. */
export type OpenedImage = Omit<Selection, 'layers'>;

/** What the steps need. It shows faults to the user itself. */
export interface StepPorts {
  prompter: Prompter;
  /**
   * Finds the image, asking for its platform when there are several.
   * @param anyPlatform asks even if the command line said which
   * @returns undefined after a fault
   */
  open(name: string, anyPlatform: boolean): Promise<OpenedImage | undefined>;
  /** Shows config and build steps. */
  show(opened: OpenedImage): void;
  run(request: Request, selection: Selection): Promise<void>;
  /** Shows the tree of the selection until the user comes back. */
  browse(selection: Selection): Promise<void>;
}

type Next = ActionName | 'browse' | 'layers' | 'platform' | 'image' | 'quit';

/**
 * Asks for image, platform, build steps, layers and an action, then for the next action, until the
 * user quits.
 * @param first the image of the command line; undefined: asks for it
 * @throws LayerslayerError ABORTED when the user leaves a question; the errors of `ports`
 */
export async function runSteps(first: string | undefined, ports: StepPorts): Promise<void> {
  let name = first;
  let anyPlatform = false;
  let last: string | undefined;
  for (;;) {
    name ??= await ports.prompter.askText('Image', { suggestion: last, needed: true });
    last = name;
    const opened = await ports.open(name, anyPlatform);
    const next = opened ? await workOn(opened, ports) : 'image';
    if (next === 'quit') return;
    anyPlatform = next === 'platform';
    if (!anyPlatform) name = undefined;
  }
}

async function workOn(opened: OpenedImage, ports: StepPorts): Promise<'quit' | 'platform' | 'image'> {
  ports.show(opened);
  let selection: Selection = { ...opened, layers: await askLayers(opened, [], ports.prompter) };
  let next: Next = 'browse';
  for (;;) {
    next = await ports.prompter.chooseOne('What next', nextChoices(selection), next);
    if (next === 'quit' || next === 'platform' || next === 'image') return next;
    if (next === 'layers') {
      selection = { ...selection, layers: await askLayers(opened, selection.layers, ports.prompter) };
      next = 'browse';
      continue;
    }
    if (next === 'browse') {
      await ports.browse(selection);
      continue;
    }
    const request = await ACTIONS[next].ask(ports.prompter, selection);
    if (request) await ports.run(request, selection);
  }
}

/** @param before the current choice; none at first */
async function askLayers(
  { image }: OpenedImage,
  before: readonly number[],
  prompter: Prompter,
): Promise<readonly number[]> {
  const choices = layerChoices(image);
  const all = choices.map(({ value }) => value);
  if (all.length <= 1) return all;
  const orAll = (chosen: readonly number[]) => (chosen.length === 0 ? all : chosen);
  const options = {
    chosen: before.length === all.length ? [] : before,
    told: (chosen: readonly number[]) => layersText(orAll(chosen), all.length),
  };
  return orAll(await prompter.chooseSeveral('Layers, base first (none: all of them)', choices, options));
}

function nextChoices(selection: Selection): Choice<Next>[] {
  const { image, offer } = selection;
  const label = (name: ActionName) => ACTIONS[name].label(selection);
  const choices: Choice<Next>[] = ACTION_NAMES.map((name) => ({ value: name, label: label(name) }));
  choices.unshift({ value: 'browse', label: `browse: walk through the tree of ${viewText(selection)}` });
  if (image.manifest.layers.length > 1) choices.push({ value: 'layers', label: 'choose other layers' });
  if (offer.images.length > 1) choices.push({ value: 'platform', label: 'choose another platform' });
  choices.push({ value: 'image', label: 'open another image' }, { value: 'quit', label: 'quit' });
  return choices;
}
