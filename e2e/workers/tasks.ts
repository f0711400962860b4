import { expose, type TaskContext, transfer } from '../../src/worker.js'

/** Task functions that behave well and badly, for the tests of pools. */
expose({
  square: (n: number) => n * n,
  later: async (n: number, { progress, id, attempt }: TaskContext) => {
    progress({ seen: n })
    await new Promise((resolve) => setTimeout(resolve, 20))
    return [n, id, attempt]
  },
  obey: (_: unknown, { signal }: TaskContext) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  spin: () => {
    for (;;) Math.sqrt(2)
  },
  spinFor: (milliseconds: number) => {
    const end = Date.now() + milliseconds
    while (Date.now() < end) Math.sqrt(2)
    return 'spun'
  },
  crash: ({ on }: { on: number[] }, { attempt }: TaskContext) => {
    if (on.includes(attempt))
      setTimeout(() => {
        throw new Error('the whole thread goes')
      })
    return new Promise((resolve) => setTimeout(() => resolve('survived'), 50))
  },
  fail: () => {
    throw new RangeError('out of range', { cause: new TypeError('the root') })
  },
  throwUndefined: () => {
    throw undefined
  },
  unclonable: () => () => {},
  buffer: (bytes: Uint8Array) => {
    const doubled = bytes.map((byte) => byte * 2)
    return transfer({ length: bytes.length, doubled }, [doubled.buffer])
  },
})
