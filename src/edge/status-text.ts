import type { Member, PeerTrees, ReadonlyRing } from '../index.node.js'

/** The mesh at one moment, as an observer sees it. */
export interface Status {
  readonly room: string
  /** The observer's own id: it is left out of the picture. */
  readonly observer: string
  readonly view: string
  readonly members: readonly Member[]
  readonly ring: Pick<ReadonlyRing, 'share'>
  readonly trees: readonly PeerTrees[]
}

type Tree = PeerTrees['trees'][number]

const columns = ['peer', 'kind', 'state', 'link', 'rtt', 'weight', 'share'] as const

/** Draws a status as lines of plain text: a table of the members, then the supervision trees. */
export function statusText({ room, observer, view, members, ring, trees }: Status): string {
  const others = members.filter(({ id }) => id !== observer)
  if (others.length === 0) return `room ${room}: nobody is here`
  const rows = others.map(({ id, kind, state, link, rtt, weight }) => [
    id,
    kind,
    state,
    link,
    rtt === undefined ? '-' : `${rtt.toFixed(1)} ms`,
    String(weight),
    `${(ring.share(id) * 100).toFixed(1)} %`,
  ])
  const count = `${others.length} ${others.length === 1 ? 'peer' : 'peers'}`
  return [
    `room ${room}: ${count}, view ${view}`,
    '',
    ...table([[...columns], ...rows]),
    '',
    ...treeLines(trees.filter(({ peer }) => peer !== observer)),
  ].join('\n')
}

/** The same as plain data, for `--json`. */
export function statusData({ room, observer, view, members, ring, trees }: Status): unknown {
  return {
    room,
    view,
    members: members
      .filter(({ id }) => id !== observer)
      .map((member) => ({ ...member, share: ring.share(member.id) })),
    trees: trees.filter(({ peer }) => peer !== observer),
  }
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function treeLines(peers: readonly PeerTrees[]): string[] {
  const supervising = peers.filter(({ trees }) => trees.length > 0)
  if (supervising.length === 0) return ['no supervisors']
  return supervising.flatMap(({ peer, trees }) => [
    `supervisors of ${peer}`,
    ...trees.flatMap((tree) => nodeLines(tree, '  ')),
  ])
}

function nodeLines({ id, label, kind, state, restarts, children }: Tree, indent: string): string[] {
  const what = kind === 'supervisor' ? 'supervisor' : label
  const again = restarts === 0 ? '' : `, restarts: ${restarts}`
  return [
    `${indent}${id}  ${what}, ${state}${again}`,
    ...children.flatMap((child) => nodeLines(child, `${indent}  `)),
  ]
}
