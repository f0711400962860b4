import type { Cluster } from '../mesh/index.js'
import { packValue } from '../wire/index.js'
import type { ChildState } from './child-info.js'
import type { Process } from './process.js'
import { ServerProcess } from './server-process.js'
import { SupervisingServer } from './supervising-server.js'
import { unpacked } from './unpacked.js'

/** A supervisor or a child of one, and what is below it. Plain data. */
export interface TreeNode {
  readonly id: string
  /** The class or kind of thing that runs. */
  readonly label: string
  readonly kind: 'worker' | 'supervisor'
  readonly state: ChildState
  readonly restarts: number
  /** `peer/process`; undefined while nothing runs. */
  readonly ref: string | undefined
  readonly children: readonly TreeNode[]
}

/** The supervision trees of one peer. */
export interface PeerTrees {
  readonly peer: string
  readonly trees: readonly TreeNode[]
}

/** Milliseconds after which a picture is drawn without those who are silent. */
const requestTimeout = 2_000

/** Nesting in a picture: deeper than any tree that a person draws, and within the wire's limit on values. */
const deepest = 20

/** Draws the supervision trees of this page and, by asking the others, of the mesh. */
export class Trees {
  readonly #processes: ReadonlyMap<string, Process>
  readonly #cluster: Cluster
  readonly #close: () => void

  constructor(processes: ReadonlyMap<string, Process>, cluster: Cluster) {
    this.#processes = processes
    this.#cluster = cluster
    this.#close = cluster.serve('process.tree', (_, request) =>
      request.reply({ type: 'process.trees', body: packValue(this.local()) }),
    )
  }

  /** The trees of this page: supervisors that no other one started. */
  local(): TreeNode[] {
    const roots = [...this.#processes.values()].filter(
      ({ kind, parent }) => kind === 'supervisor' && parent === undefined,
    )
    return roots.map((root) =>
      this.#draw(
        root,
        { id: [...root.names][0] ?? root.ref.id, kind: 'supervisor', state: 'running', restarts: 0 },
        0,
      ),
    )
  }

  /** Those of all peers, in the order of their ids; a peer that does not answer is left out. */
  async all(): Promise<PeerTrees[]> {
    const cluster = this.#cluster
    const peers = await Promise.all(
      cluster.members().map(({ id: peer }) => {
        if (peer === cluster.self) return { peer, trees: this.local() }
        return new Promise<PeerTrees | undefined>((resolve) => {
          cluster.request(peer, { type: 'process.tree' }, requestTimeout, (outcome) => {
            if (outcome.kind !== 'reply' || outcome.message.type !== 'process.trees') resolve(undefined)
            else {
              const body = unpacked(outcome.message.body)
              resolve(body.ok ? { peer, trees: readTrees(body.value, 0) } : undefined)
            }
          })
        })
      }),
    )
    return peers.filter((each) => each !== undefined)
  }

  close(): void {
    this.#close()
  }

  #draw(
    process: Process | undefined,
    about: Pick<TreeNode, 'id' | 'kind' | 'state' | 'restarts'>,
    depth: number,
  ): TreeNode {
    const server = process instanceof ServerProcess ? process.server : undefined
    const watched = server instanceof SupervisingServer ? server : undefined
    const children = depth >= deepest ? [] : (watched?.children() ?? [])
    return {
      id: about.id,
      kind: about.kind,
      state: about.state,
      restarts: about.restarts,
      label: watched === undefined ? (process?.label ?? '') : 'Supervisor',
      ref: process === undefined ? undefined : `${process.ref.peer}/${process.ref.id}`,
      children: children.map((child) =>
        this.#draw(this.#processes.get(child.ref?.id ?? ''), child, depth + 1),
      ),
    }
  }
}

/** Makes trees of whatever a peer sent. */
function readTrees(given: unknown, depth: number): TreeNode[] {
  if (!Array.isArray(given) || depth > deepest) return []
  return given.flatMap((node: Partial<TreeNode> | null) => {
    if (typeof node !== 'object' || node === null) return []
    return [
      {
        id: typeof node.id === 'string' ? node.id : '',
        label: typeof node.label === 'string' ? node.label : '',
        kind: node.kind === 'supervisor' ? 'supervisor' : 'worker',
        state: node.state === 'running' || node.state === 'restarting' ? node.state : 'stopped',
        restarts: typeof node.restarts === 'number' ? node.restarts : 0,
        ref: typeof node.ref === 'string' ? node.ref : undefined,
        children: readTrees(node.children, depth + 1),
      } satisfies TreeNode,
    ]
  })
}
