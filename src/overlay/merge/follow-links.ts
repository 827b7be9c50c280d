import { LayerslayerError } from '../../base/errors.js';
import { MAX_FOLLOWED_LINKS, MAX_LINK_STEPS, MAX_NAME_LENGTH, MAX_PATH_DEPTH } from '../limits.js';
import { splitPath } from '../resolve-path.js';
import { DIRECTORY, type DraftTree, NONE, SYMLINK } from './draft-tree.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/**
 * Follows a path's directories through symlinks, inside the root, as securejoin does: `..` of the
 * root is the root, and missing components are resolved lexically. Slow: used only for paths that a
 * symlink is on.
 */
export class LinkFollower {
  #stepsLeft: number;

  constructor(
    private readonly draft: DraftTree,
    private readonly maxSteps: number = MAX_LINK_STEPS,
  ) {
    this.#stepsLeft = maxSteps;
  }

  /**
   * @param isFollowed says of a symlink's dentry whether it leads on; one that doesn't counts as
   *   missing
   * @returns a directory, and the components below it that are no directories; a string if the
   *   path leads nowhere: a loop of links, or a name or path too long
   * @throws LayerslayerError UNSUPPORTED past MAX_LINK_STEPS
   */
  follow(
    components: readonly Uint8Array[],
    isFollowed: (dentry: number) => boolean,
  ): { directory: number; missing: Uint8Array[] } | string {
    const { draft } = this;
    const ahead = components.toReversed(); // a stack: the next component is the last
    const missing: Uint8Array[] = [];
    let directory = draft.root;
    let links = 0;
    for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
      this.#spend(1);
      if (DOT_DOT.equals(name)) {
        if (missing.length > 0) missing.pop();
        else directory = draft.parents[directory]!;
        continue;
      }
      const dentry = missing.length > 0 ? NONE : draft.findName(directory, name);
      const inode = dentry === NONE ? NONE : draft.dentryInodes[dentry]!;
      if (inode !== NONE && draft.kinds[inode] === DIRECTORY) {
        directory = inode;
      } else if (inode !== NONE && draft.kinds[inode] === SYMLINK && isFollowed(dentry)) {
        if (++links > MAX_FOLLOWED_LINKS)
          return `its path leads through more than ${MAX_FOLLOWED_LINKS} symlinks`;
        const target = draft.linkTarget(inode);
        this.#spend(target.length >> 3); // `./././…` adds no component, but must be read
        if (target[0] === SLASH) directory = draft.root;
        // `..` stays: where it leads depends on the directory that it is met in.
        ahead.push(
          ...splitPath(target)
            .filter((component) => !DOT.equals(component))
            .reverse(),
        );
      } else if (name.length > MAX_NAME_LENGTH) {
        return `its path leads through a symlink to a name of ${name.length} bytes`;
      } else {
        missing.push(name);
      }
    }
    if (this.#isTooDeep(directory, missing.length)) {
      return `its path leads through symlinks to more than ${MAX_PATH_DEPTH} components`;
    }
    return { directory, missing };
  }

  #isTooDeep(directory: number, missing: number): boolean {
    let depth = missing + 1;
    for (let at = directory; at !== this.draft.root && depth <= MAX_PATH_DEPTH; at = this.draft.parents[at]!)
      depth++;
    this.#spend(depth);
    return depth > MAX_PATH_DEPTH;
  }

  #spend(steps: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft >= 0) return;
    throw new LayerslayerError(
      'UNSUPPORTED',
      `merging layers: paths lead through symlinks for more than ${this.maxSteps} components, the limit`,
    );
  }
}
