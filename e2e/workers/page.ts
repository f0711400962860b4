import { workerContract } from '../../src/otp/testing/worker-contract.js'
import { systemRuntime } from '../../src/runtime/index.js'
import { openWebWorker } from '../../src/threads/adapters/web-worker.js'

declare global {
  /** The names of the cases, and the way to run one; the spec calls it. */
  var contract: { names: string[]; run(name: string): Promise<string> }
}

const platform = {
  runtime: systemRuntime({ log: () => {} }),
  threads: openWebWorker as never,
  make: (script: string) => new Worker(`/${script}.mjs`, { type: 'module' }),
}

globalThis.contract = {
  names: workerContract.map(({ name }) => name),
  async run(name) {
    try {
      await workerContract.find((each) => each.name === name)?.run(platform)
      return 'passed'
    } catch (error) {
      return String((error as Error).stack ?? error)
    }
  },
}
