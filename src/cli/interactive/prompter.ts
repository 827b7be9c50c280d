/** One of several things to choose from. */
export interface Choice<T> {
  value: T;
  label: string; // one line, printable; cut to the terminal
}

/**
 * Asks the user. A question throws ABORTED if the user leaves it, or the reason of an aborted
 * signal. In both cases the terminal is restored.
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
