/** One of several things to choose from. */
export interface Choice<T> {
  value: T;
  label: string; // one line, printable; cut to the terminal
}

/**
 * Asks the user. Each question throws ABORTED when the user leaves instead of answering, and the reason of its signal when
 * that is aborted; either way the terminal is as it was.
 */
export interface Prompter {
  readonly columns: number; // of a label
  /** @param current where the cursor is at first */
  chooseOne<T>(message: string, choices: readonly Choice<T>[], current?: T): Promise<T>;
  /** @param chosen what is marked at first; @param told what the choice is called when it was made */
  chooseSeveral<T>(
    message: string,
    choices: readonly Choice<T>[],
    options: { chosen: readonly T[]; told: (values: readonly T[]) => string },
  ): Promise<T[]>;
  /** A line of text, without white space around it. @param needed no empty line is taken */
  askText(message: string, options?: { suggestion?: string | undefined; needed?: boolean }): Promise<string>;
}
