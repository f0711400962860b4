import { GenServer } from '../../dist/index.node.js'

class Counter extends GenServer {
  #n = 0
  handleCall() {
    return ++this.#n
  }
}

/** For `ringmesh edge --tasks`: an edge worker with a supervision tree. */
export default (mesh) =>
  mesh.supervise({ name: 'root', children: [{ id: 'counter', start: [Counter], name: 'counter' }] })
