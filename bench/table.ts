/** One measured figure. */
export interface Figure {
  /** What was measured, of whom: `ringmesh: owner of a key`. */
  readonly name: string
  readonly value: number
  /** `M/s`, `ms`, `B`, … or empty for a bare number. */
  readonly unit: string
  /** The figure of the peer that this one is compared with: the table shows how many times that it is. */
  readonly peer?: number
  /** The ratio to the peer, where it is not that of the two figures, as it was measured in another way. */
  readonly ratio?: number
  /** What the figure is to be: the bench fails where it is not. */
  readonly atMost?: number
  readonly atLeast?: number
  /** The ratio to the peer is to be at least this. */
  readonly ratioAtLeast?: number
  /** The same where less is better. */
  readonly ratioAtMost?: number
}

/** Figures that belong together, compared with one peer. */
export interface Table {
  readonly title: string
  /** Whom the ratios are to, with its version: `hashring 3.2.0`. */
  readonly peer?: string
  readonly figures: readonly Figure[]
  /** What a reader must know to judge the figures. */
  readonly notes?: readonly string[]
}

/** A module `bench/<name>.ts` exports one of these as `bench`. */
export interface Bench {
  readonly about: string
  /** @param progress - says what is being measured, on a terminal only */
  run(progress: (line: string) => void): Table[] | Promise<Table[]>
}

/** Whether a figure is what it is to be; undefined where it has no target. */
export function isMet(figure: Figure): boolean | undefined {
  const { value, atMost, atLeast, ratioAtLeast, ratioAtMost } = figure
  if ([atMost, atLeast, ratioAtLeast, ratioAtMost].every((target) => target === undefined)) return undefined
  const ratio = ratioToPeer(figure)
  return (
    (atMost === undefined || value <= atMost) &&
    (atLeast === undefined || value >= atLeast) &&
    (ratioAtLeast === undefined || (ratio !== undefined && ratio >= ratioAtLeast)) &&
    (ratioAtMost === undefined || (ratio !== undefined && ratio <= ratioAtMost))
  )
}

export function ratioToPeer({ value, peer, ratio }: Figure): number | undefined {
  if (ratio !== undefined) return ratio
  return peer === undefined || peer === 0 ? undefined : value / peer
}

/** The table as lines of text: name, figure, ratio to the peer, target. */
export function written({ title, peer, figures, notes = [] }: Table): string {
  const head = ['', 'figure', peer === undefined ? '' : `× ${peer}`, 'target']
  const rows = figures.map((figure) => {
    const ratio = ratioToPeer(figure)
    return [
      figure.name,
      `${shown(figure.value)} ${figure.unit}`.trim(),
      ratio === undefined ? '' : shown(ratio),
      target(figure),
    ]
  })
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   ')}`.trimEnd()
  return [title, line(head), ...rows.map(line), ...notes.map((note) => `  ${note}`)].join('\n')
}

function target(figure: Figure): string {
  const parts: string[] = []
  if (figure.atMost !== undefined) parts.push(`≤ ${shown(figure.atMost)}`)
  if (figure.atLeast !== undefined) parts.push(`≥ ${shown(figure.atLeast)}`)
  if (figure.ratioAtLeast !== undefined) parts.push(`≥ ${shown(figure.ratioAtLeast)} ×`)
  if (figure.ratioAtMost !== undefined) parts.push(`≤ ${shown(figure.ratioAtMost)} ×`)
  if (parts.length === 0) return ''
  return `${parts.join(', ')} ${isMet(figure) ? 'met' : 'MISSED'}`
}

/** Four digits that count, and no exponent. */
function shown(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const digits = value === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))))
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(8, digits) })
}
