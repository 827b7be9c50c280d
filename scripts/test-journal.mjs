// A vitest reporter for scripts/test. It appends each finished test to the file in
// $LAYERSLAYER_TEST_JOURNAL, one JSON object per line. vitest's own JSON is written at the end of a
// run, so a deadline would lose it.
import { appendFileSync } from 'node:fs';

export default class TestJournal {
  #path = process.env.LAYERSLAYER_TEST_JOURNAL;

  onTestRunStart(specifications) {
    this.#write({ event: 'run', files: specifications.length });
  }

  onTestModuleQueued(module) {
    this.#write({ event: 'begin', name: module.relativeModuleId });
  }

  onTestCaseResult(test) {
    this.#end(test);
  }

  /**
   * Records all tests of a module again: skipped ones, and those with failed hooks, may lack a
   * report.
   */
  onTestModuleEnd(module) {
    for (const test of module.children.allTests()) this.#end(test);
    const [error] = module.errors();
    const message = (error?.message ?? 'a hook failed').split('\n')[0];
    const failed = module.state() === 'failed';
    this.#write({ event: 'file', name: module.relativeModuleId, failed, message });
  }

  #end(test) {
    const file = test.module.relativeModuleId;
    this.#write({ event: 'end', id: test.id, file, name: test.fullName, state: test.result().state });
  }

  #write(record) {
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }
}
