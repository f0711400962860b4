import { arc } from 'd3-shape'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { Member } from '../index.js'
import { noColour } from './colours.js'
import { centre, chordRadius, donut, onCircle, type Place, peerRadius, places, size } from './geometry.js'
import { holdPress } from './hold-press.js'
import { Motion } from './motion.js'
import { type MeshObserver, percent, shortened } from './observer.js'

const turn = 2 * Math.PI

const shape = arc<Place>()
  .innerRadius(donut.inner)
  .outerRadius(donut.outer)
  .startAngle(({ from }) => from * turn)
  .endAngle(({ to }) => to * turn)
  .padAngle(0.012)
  .cornerRadius(3)

/** Peers further from the middle than this have their labels beside the ring, not over it. */
const sideways = 150
/** A label ends so far outside of its peer's middle at most, and so far from the picture's edge at least. */
const outermost = 58
const margin = 2

export interface RingPictureProps {
  readonly observer: MeshObserver
  readonly selected?: string | undefined
  readonly onSelect?: (id: string) => void
  /** What a peer is called, where its id does not say enough. */
  readonly nameOf?: (member: Member) => string
}

/** The ring, the peers on it, their links, and what moves between them. */
export function RingPicture({
  observer,
  selected,
  onSelect,
  nameOf = (member) => nameOfPeer(observer, member),
}: RingPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const motion = useRef<Motion>()
  const members = everyone(observer)
  const shares = observer.shares.value
  const colours = observer.colours.value
  const cells = observer.cells.value
  const order = members.map(({ id }) => id).join()
  const placed = useMemo(() => places(order.split(','), shares), [order, shares])

  useEffect(() => {
    const element = canvas.current
    if (!element) return
    const moving = new Motion(element)
    motion.current = moving
    const sized = new ResizeObserver(() => moving.resize(element.clientWidth, Math.min(2, devicePixelRatio)))
    sized.observe(element)
    const stopFlows = observer.onFlow((flow) => moving.add(flow))
    return () => {
      stopFlows()
      sized.disconnect()
      moving.stop()
    }
  }, [observer])
  useEffect(() => motion.current?.show({ places: placed, colours, cells }), [placed, colours, cells])

  return (
    <div class="ring">
      {/* Below the picture: what moves through the middle passes under what stands there. */}
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas is not focusable without a tabindex */}
      <canvas ref={canvas} aria-hidden="true" />
      {/* biome-ignore lint/a11y/useSemanticElements: there are no fields in it; its peers are buttons */}
      <svg viewBox={`0 0 ${size} ${size}`} role="group" aria-label={description(observer)}>
        <g transform={`translate(${centre} ${centre})`}>
          {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: shapes are not focusable, and the label says the same in words */}
          <g aria-hidden="true">
            {observer.links.value.map(({ from, to, kind }) => {
              const start = placed.get(from)
              const end = placed.get(to)
              if (start === undefined || end === undefined) return null
              return <path key={`${from} ${to}`} class={`chord ${kind}`} d={chord(start, end)} />
            })}
            {[...placed].map(
              ([id, place]) =>
                place.to > place.from && (
                  <path
                    key={id}
                    class={selected === id ? 'share selected' : 'share'}
                    d={shape(place) ?? ''}
                    fill={colours.get(id) ?? noColour}
                  />
                ),
            )}
            <text class="count" text-anchor="middle" y="-2">
              {observer.members.value.length === 1 ? '1 peer' : `${observer.members.value.length} peers`}
            </text>
            <text class="small view" text-anchor="middle" y="20">
              view {observer.view.value.slice(0, 8)}
            </text>
          </g>
          {members.map((member) => {
            const place = placed.get(member.id)
            if (place === undefined) return null
            return (
              <Peer
                key={member.id}
                member={member}
                place={place}
                name={nameOf(member)}
                share={shares.get(member.id)}
                colour={colours.get(member.id) ?? noColour}
                isSelf={member.id === observer.self}
                isSelected={member.id === selected}
                onSelect={onSelect}
              />
            )
          })}
        </g>
      </svg>
    </div>
  )
}

interface PeerProps {
  readonly member: Member
  readonly place: Place
  readonly name: string
  readonly share: number | undefined
  readonly colour: string
  readonly isSelf: boolean
  readonly isSelected: boolean
  readonly onSelect: ((id: string) => void) | undefined
}

function Peer({ member, place, name, share, colour, isSelf, isSelected, onSelect }: PeerProps) {
  const { id, kind, state } = member
  const { x, y } = onCircle(place.at, peerRadius)
  const select = onSelect && (() => onSelect(id))
  const classes = ['peer', kind, state, isSelf ? 'self' : '', isSelected ? 'selected' : ''].join(' ')
  const detail = state === 'alive' ? (share === undefined ? 'no share yet' : percent(share)) : state
  const label = `${name}, ${kind}, ${state}${share === undefined ? '' : `, owns ${percent(share)} of the keys`}${linkText(member)}`
  const interactive = select
    ? {
        role: 'button' as const,
        // Attributes of SVG know case: Preact sets this one as it is written.
        tabindex: 0,
        'aria-pressed': isSelected,
        onPointerDown: holdPress,
        onClick: select,
        onKeyDown: (event: KeyboardEvent) => {
          if (event.key !== 'Enter' && event.key !== ' ') return
          event.preventDefault()
          select()
        },
      }
    : { role: 'img' as const }
  return (
    <g
      class={classes}
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
      aria-label={label}
      data-peer={id}
      {...interactive}
    >
      <circle class="halo" r="21" />
      {kind === 'edge' ? (
        <rect class="body" x="-14" y="-14" width="28" height="28" rx="7" fill={colour} />
      ) : (
        <circle class="body" r="14" fill={colour} />
      )}
      <Mark state={state} />
      <Label x={x} y={y} name={name} detail={detail} />
    </g>
  )
}

/** Two lines on the side of a peer that is away from the ring; in ems, as letters grow on small screens. */
function Label({ x, y, name, detail }: { x: number; y: number; name: string; detail: string }) {
  const isAbove = y < 0
  const anchor = x > sideways ? 'end' : x < -sideways ? 'start' : 'middle'
  // Whatever the length of a name: it ends outside of its peer, and inside of the picture.
  const outwards = Math.min(outermost, size / 2 - margin - Math.abs(x))
  const place = { x: anchor === 'middle' ? 0 : Math.sign(x) * outwards, y: isAbove ? -25 : 22 }
  return (
    <>
      <text class="name" text-anchor={anchor} {...place} dy={isAbove ? '-1.05em' : '1em'}>
        {name}
      </text>
      <text class="small" text-anchor={anchor} {...place} dy={isAbove ? '0' : '2.2em'}>
        {detail}
      </text>
    </>
  )
}

/** States are told apart by their shape, too: not everyone sees the colours. */
function Mark({ state }: { state: Member['state'] }) {
  switch (state) {
    case 'suspect':
      return (
        <text class="mark" text-anchor="middle" y="6">
          ?
        </text>
      )
    case 'parked':
      return <path class="mark" d="M-4 -6V6M4 -6V6" />
    case 'joining':
      return <path class="mark" d="M-6 0H6M0 -6V6" />
    case 'dead':
    case 'left':
      return <path class="mark" d="M-6 -6L6 6M6 -6L-6 6" />
    case 'leaving':
      return <path class="mark" d="M-6 0H6M1 -5L6 0L1 5" />
    default:
      return null
  }
}

/** Those who are here and those who have just gone, in the order of their ids. */
function everyone(observer: MeshObserver): Member[] {
  return [...observer.members.value, ...observer.lost.value].sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function nameOfPeer(observer: MeshObserver, { id, kind }: Member): string {
  if (id === observer.self) return 'this tab'
  return `${kind} ${shortened(id)}`
}

function linkText({ link, rtt }: Member): string {
  if (link === 'self' || link === 'none') return ''
  return `, ${link} link${rtt === undefined ? '' : `, ${rtt.toFixed(0)} milliseconds`}`
}

function chord(start: Place, end: Place): string {
  const from = onCircle(start.at, chordRadius)
  const to = onCircle(end.at, chordRadius)
  const bend = 0.25
  const control = { x: ((from.x + to.x) / 2) * bend, y: ((from.y + to.y) / 2) * bend }
  return `M${rounded(from.x)} ${rounded(from.y)}Q${rounded(control.x)} ${rounded(control.y)} ${rounded(to.x)} ${rounded(to.y)}`
}

function rounded(length: number): string {
  return length.toFixed(1)
}

function description({ members, shares }: MeshObserver): string {
  const owned = [...shares.value].map(
    ([id, share]) => `${shortened(id)} owns ${(share * 100).toFixed(0)} percent`,
  )
  return `Hash ring of ${members.value.length} peers: ${owned.join(', ')}`
}
