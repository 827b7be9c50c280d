// A reporter of vitest for scripts/test: writes down each test as it ends, one JSON object a line, to the file that
// $LAYERSLAYER_TEST_JOURNAL names. vitest's own JSON comes at the end of a run: of one that a deadline ends nothing would be known.
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

  /** All its tests once more: those that were skipped, or whose hooks failed, may not have been told of one by one. */
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
