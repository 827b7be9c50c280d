import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Names by which a test, or a helper of its own, gets hold of the built command. */
const BUILT_COMMAND = /\b(Workplace|ordinaryWorkplace|builtCommand|builtProgram)\b/;

/** Returns the test files that run the built command, by paths from the repository's root. All others are unit tests. */
export function programTests(root: string): string[] {
  const known = new Map<string, boolean>();
  const runsCommand = (path: string): boolean => {
    const before = known.get(path);
    if (before !== undefined) return before;
    known.set(path, false); // for circles
    const text = readFileSync(join(root, path), 'utf8');
    const imports = [...text.matchAll(/ from '(\.[^']+)\.js';$/gm)]
      .map(([, specifier]) => `${join(dirname(path), specifier!)}.ts`)
      // What a test uses of these files is in its own text.
      .filter((file) => !/^test\/(support|setup)\//.test(file) && existsSync(join(root, file)));
    const result = BUILT_COMMAND.test(text) || imports.some(runsCommand);
    known.set(path, result);
    return result;
  };
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('test', path))
    .filter(runsCommand);
}
