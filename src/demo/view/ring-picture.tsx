import { arc } from 'd3-shape'
import type { Member } from '../../index.js'
import { arcs, colours, members, shares, shortened, view } from '../live.js'

const size = 640
const centre = size / 2
const innerRadius = 196
const outerRadius = 226
const peerRadius = 266
const turn = 2 * Math.PI

const shape = arc<{ from: number; to: number }>()
  .innerRadius(innerRadius)
  .outerRadius(outerRadius)
  .startAngle(({ from }) => from * turn)
  .endAngle(({ to }) => to * turn)

/** The ring with its arcs in the colours of their owners, the peers around it, and this tab's links. */
export function RingPicture({ self }: { self: string }) {
  const places = placed(members.value)
  const own = places.get(self)
  return (
    <svg class="ring" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={description()}>
      <g transform={`translate(${centre} ${centre})`}>
        {ringPaths().map(([owner, path]) => (
          <path key={owner} d={path} fill={colours.value.get(owner) ?? 'gray'} />
        ))}
        {own !== undefined &&
          members.value.map((member) => {
            const place = places.get(member.id)
            if (place === undefined || member.link === 'self' || member.link === 'none') return null
            return (
              <line
                key={member.id}
                class={`chord ${member.link}`}
                x1={own.x * 0.7}
                y1={own.y * 0.7}
                x2={place.x * 0.7}
                y2={place.y * 0.7}
              />
            )
          })}
        {members.value.map((member) => (
          <Peer key={member.id} member={member} self={self} place={places.get(member.id) ?? { x: 0, y: 0 }} />
        ))}
        <text text-anchor="middle" y="-8">
          {members.value.length} peers
        </text>
        <text text-anchor="middle" y="14" class="small">
          view {view.value.slice(0, 12)}
        </text>
      </g>
    </svg>
  )
}

function Peer({ member, self, place }: { member: Member; self: string; place: { x: number; y: number } }) {
  const share = shares.value.get(member.id)
  return (
    <g class={`peer ${member.state}`} transform={`translate(${place.x} ${place.y})`}>
      <circle r={member.kind === 'edge' ? 17 : 13} fill={colours.value.get(member.id) ?? 'gray'} />
      <text text-anchor="middle" y="31">
        {member.id === self ? 'this tab' : member.kind === 'edge' ? 'edge' : shortened(member.id)}
      </text>
      <text text-anchor="middle" y="44" class="small">
        {share === undefined ? member.state : `${(share * 100).toFixed(1)} %`}
      </text>
    </g>
  )
}

/** One path an owner, with all its arcs: a browser draws twelve long paths faster than a thousand short ones. */
function ringPaths(): [string, string][] {
  const paths = new Map<string, string>()
  for (const { from, to, before } of arcs.value) {
    if (before === undefined) continue
    const path = shape({ from, to: to < from ? to + 1 : to }) ?? ''
    paths.set(before, (paths.get(before) ?? '') + path)
  }
  return [...paths]
}

function placed(all: readonly Member[]): ReadonlyMap<string, { x: number; y: number }> {
  return new Map(
    all.map(({ id }, index) => {
      const angle = (index / all.length) * turn - turn / 4
      return [id, { x: Math.cos(angle) * peerRadius, y: Math.sin(angle) * peerRadius }]
    }),
  )
}

function description(): string {
  const owned = [...shares.value].map(
    ([id, share]) => `${shortened(id)} owns ${(share * 100).toFixed(0)} percent`,
  )
  return `Hash ring of ${members.value.length} peers: ${owned.join(', ')}`
}
