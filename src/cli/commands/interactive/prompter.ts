/** One of several things to choose from. */
export interface Choice<T> {
  value: T;
  label: string; // one line, printable; cut to the terminal
}

/**
 * Questions throw ABORTED if the user leaves, or an aborted signal's reason. The terminal is
 * restored.
 */
export interface Prompter {
  /** @param current where the cursor is at first */
  chooseOne<T>(message: string, choices: readonly Choice<T>[], current?: T): Promise<T>;
  /** @param chosen marked at first; @param told name of the choice after the answer */
  chooseSeveral<T>(
    message: string,
    choices: readonly Choice<T>[],
    options: { chosen: readonly T[]; told: (values: readonly T[]) => string },
  ): Promise<T[]>;
  /** A line of text, without white space around it. @param needed no empty line is taken */
  askText(message: string, options?: { suggestion?: string | undefined; needed?: boolean }): Promise<string>;
}
