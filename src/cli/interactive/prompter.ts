/** One of several things to choose from. */
export interface Choice<T> {
  value: T;
  label: string; // one line, printable; cut to the terminal
}

/**
 * Asks the user. Each question throws ABORTED when the user leaves it, and its signal's reason when
 * that is aborted. In both cases the terminal is restored.
 */
export interface Prompter {
  readonly columns: number; // of a label
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
