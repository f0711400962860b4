import { call, GenServer } from '../../dist/index.node.js'

class Tally extends GenServer {
  #count
  init(_args, kept) {
    this.#count = kept ?? 0
  }
  handleCall(step) {
    this.#count += step
    return this.#count
  }
  snapshot() {
    return this.#count
  }
}

/** For `ringmesh edge --tasks`: counts in a placed process how often it was started, and prints what it has come to. */
export default async (mesh) => {
  mesh.define('tally', Tally)
  const tally = await mesh.place('tally', 'starts')
  console.log(`start ${await call(tally, 1)}`)
}
