/** Runs once before the tests, in vitest's main process. What tests need to know is in the environment. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { buildCodecWasm } from '../../scripts/codec-wasm.mjs';
import { compileSources } from './compile-sources.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export default async function setUp(project: TestProject): Promise<void> {
  await prepare();
  project.onTestsRerun(prepare);
}

async function prepare(): Promise<void> {
  buildCodecWasm();
  process.env.LAYERSLAYER_TEST_COMPILED = await compileSources(ROOT);
  process.env.LAYERSLAYER_TEST_BUILD = stateOfBuild();
}

/** Looked at before the tests, so that editing sources while they run fails none. */
function stateOfBuild(): string {
  const built = statSync(join(ROOT, 'dist/bin/layerslayer.js'), { throwIfNoEntry: false });
  if (!built) return 'missing';
  const isNewer = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).some(
    (path) => path.endsWith('.ts') && statSync(join(ROOT, 'src', path)).mtimeMs > built.mtimeMs,
  );
  return isNewer ? 'older than src' : 'current';
}
