/** The part of the WebAssembly API that is used here. TypeScript has it in the DOM's types only. */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  class Memory {
    constructor(limits: { initial: number });
    readonly buffer: ArrayBuffer;
  }
}
