import type { TreeNode } from '../index.js'
import { noColour } from './colours.js'
import { type MeshObserver, shortened } from './observer.js'
import { nameOfPeer } from './ring-picture.js'

/** The supervision trees of every peer that answers. */
export function Forest({ observer, nameOf }: { observer: MeshObserver; nameOf?: (peer: string) => string }) {
  const colours = observer.colours.value
  const members = observer.members.value
  const usualName = (peer: string): string => {
    const member = members.find(({ id }) => id === peer)
    return member === undefined ? shortened(peer) : nameOfPeer(observer, member)
  }
  return (
    <ul class="forest" data-testid="forest">
      {observer.trees.value.map(({ peer, trees }) => (
        <li key={peer} data-peer={peer}>
          <span class="dot" style={{ background: colours.get(peer) ?? noColour }} />
          <b>{(nameOf ?? usualName)(peer)}</b>
          {trees.length === 0 && <span class="state"> supervises nothing</span>}
          <Branch nodes={trees} isTop />
        </li>
      ))}
    </ul>
  )
}

function Branch({ nodes, isTop = false }: { nodes: readonly TreeNode[]; isTop?: boolean }) {
  if (nodes.length === 0) return null
  return (
    <ul class="tree">
      {nodes.map((node, index) => (
        <li
          key={`${node.id} ${index}`}
          data-node={node.id}
          data-state={node.state}
          data-restarts={node.restarts}
        >
          <span class={`state ${node.state}`}>●</span> {isTop ? 'supervisor' : node.id}{' '}
          <span class="state">{isTop ? '' : node.kind === 'supervisor' ? 'supervisor' : node.state}</span>
          {node.restarts > 0 && (
            <span class="figure"> {node.restarts === 1 ? '1 restart' : `${node.restarts} restarts`}</span>
          )}
          <Branch nodes={node.children} />
        </li>
      ))}
    </ul>
  )
}
