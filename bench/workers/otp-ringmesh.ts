import { expose, GenServer } from '../../src/worker.js'

expose(
  class Counter extends GenServer {
    #n = 0
    override handleCall(): number {
      return ++this.#n
    }
  },
)
