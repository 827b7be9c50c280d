import type { ResolvedImage } from '../image/image-source.js';
import { type BuildStep, buildSteps } from '../oci/build-steps.js';
import { shortDigest } from '../oci/digest.js';
import { type DockerfileStep, dockerfileSteps } from '../oci/dockerfile-step.js';
import { formatPlatform } from '../oci/platform.js';
import { imageTitle } from './image-title.js';
import { printable } from './printable.js';
import { formatSize } from './size.js';

/** White space of two characters or more is what a line continuation has left behind. */
const CONTINUATION = /([ \t])([ \t]+)(?![ \t#])/g;

/** The build steps as Dockerfile-like text: what the history tells, and no more; files that were copied in are not named there. */
export function dockerfileText({ config, manifest, reference, digest, platform }: ResolvedImage): string {
  const steps = buildSteps(config, manifest.layers.length);
  const instructions = dockerfileSteps(config.history);
  const blocks = steps.map((step, i) => block(step, instructions[i]!, manifest.layers));
  return [
    printable(`# ${imageTitle({ reference, digest })} (${formatPlatform(platform)})`),
    'FROM scratch',
    ...blocks.flat(),
  ].join('\n');
}

function block(
  { layer }: BuildStep,
  { keyword, text, buildArguments }: DockerfileStep,
  layers: ResolvedImage['manifest']['layers'],
): string[] {
  const made = layer === undefined ? undefined : layers[layer - 1];
  const lines = made ? [`# layer ${layer}: ${shortDigest(made.digest)}, ${formatSize(made.size)}`] : [];
  if (buildArguments !== undefined) lines.push(`# build arguments: ${printable(buildArguments)}`);
  if (keyword === undefined) lines.push(...comment(text));
  else if (keyword === 'RUN' && text.includes('\n')) lines.push(...heredoc(text));
  else lines.push(continued(`${keyword} ${text}`.trimEnd()));
  return lines;
}

/** Never an instruction, whatever another builder has written. */
function comment(text: string): string[] {
  return text.split('\n').map((line) => printableLine(line.startsWith('#') ? line : `# ${line}`.trimEnd()));
}

/** The parser takes backslash and newline away again, within quotes too. */
function continued(line: string): string {
  return line
    .replace(/\n+/g, ' ')
    .replace(CONTINUATION, '$1\\\n$2')
    .split('\n')
    .map(printableLine)
    .join('\n');
}

function heredoc(script: string): string[] {
  const lines = script.split('\n');
  let end = 'EOF';
  while (lines.includes(end)) end += '_';
  return [`RUN <<${end}`, ...lines.map(printableLine), end];
}

/** Tabs harm no terminal, and stand in half of all histories. */
function printableLine(line: string): string {
  return line.split('\t').map(printable).join('\t');
}
