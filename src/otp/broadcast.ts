import type { Cluster } from '../mesh/index.js'
import type { Message } from '../wire/index.js'

/** Sends a message to every other member. */
export function broadcast(cluster: Cluster, message: Message): void {
  for (const { id } of cluster.members()) if (id !== cluster.self) cluster.send(id, message)
}
