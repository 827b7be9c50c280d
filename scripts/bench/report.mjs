// What was measured, with the limit beside it.

const COLUMNS = ['what', 'layerslayer', 'against', 'ratio', 'limit', 'verdict'];

/** Rows of the table. Verdicts are words only: a busy machine must not fail a build. */
export class Report {
  #rows = [];

  /**
   * @param row `ours` and `against` are texts; `ratio` is a number that must be `atMost` or
   *   `atLeast` the limit; without either it has no verdict
   */
  add({ what, ours = '', against = '', ratio, atMost, atLeast, unit = '' }) {
    const kept =
      atMost === undefined && atLeast === undefined
        ? undefined
        : (atMost === undefined || ratio <= atMost) && (atLeast === undefined || ratio >= atLeast);
    const limit = atMost === undefined ? atLeast : atMost;
    this.#rows.push([
      what,
      ours,
      against,
      ratio === undefined ? '' : `${ratio.toFixed(2)}${unit}`,
      limit === undefined ? '' : `${atMost === undefined ? '>=' : '<='} ${limit}${unit}`,
      kept === undefined ? '-' : kept ? 'PASS' : 'FAIL',
    ]);
    process.stderr.write(`  ${this.#rows.at(-1).filter(Boolean).join('  ')}\n`);
  }

  /** A statement that is true or not, without a ratio. */
  check({ what, ours, limit, kept }) {
    this.#rows.push([what, ours, '', '', limit, kept ? 'PASS' : 'FAIL']);
    process.stderr.write(`  ${this.#rows.at(-1).filter(Boolean).join('  ')}\n`);
  }

  skip(what, why) {
    this.#rows.push([what, '', '', '', '', `skipped: ${why}`]);
  }

  toText() {
    const lines = [COLUMNS, ...this.#rows];
    const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
    return lines.map((line) => padded(line, widths).join('  ').trimEnd()).join('\n');
  }

  toMarkdown() {
    const lines = [COLUMNS, COLUMNS.map(() => '---'), ...this.#rows];
    return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
  }
}

function padded(line, widths) {
  return line.map((cell, i) => cell.padEnd(widths[i]));
}
