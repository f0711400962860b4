import { packValue, unpackValue } from '../../wire/index.js'
import type { Version } from '../clock.js'
import type { Held } from '../held.js'
import { kinds } from './kinds.js'
import { byText } from './merge.js'

/** Gives a version, or the stamp of one (its first 16 digits), the time that it should have had. */
export type Restamp = (version: Version) => Version

/**
 * A record whose stamps a wrong clock gave, with those stamps put right: also the ones within a
 * value that merges, as they would hide later writes of the same field or writer.
 */
export function restamped(held: Held, restamp: Restamp): Held {
  const { kind, version, content } = held
  return { kind, version: restamp(version), content: content && restampedContent(kind, content, restamp) }
}

function restampedContent(kind: number, content: Uint8Array, restamp: Restamp): Uint8Array {
  if (kind === kinds.last) return content
  try {
    const [reset, state] = unpackValue(content) as [Version | '', unknown]
    return packValue([reset === '' ? '' : restamp(reset), restampedState(kind, state, restamp)])
  } catch {
    // A peer sent what is no state of this kind: it has no stamps.
    return content
  }
}

function restampedState(kind: number, state: unknown, restamp: Restamp): unknown {
  if (kind === kinds.map) {
    const fields = state as readonly (readonly [string, Version, Uint8Array | null])[]
    return fields.map(([name, version, field]) => [name, restamp(version), field])
  }
  if (kind === kinds.own) {
    const [siblings, seen] = state as [readonly [Version, Uint8Array][], readonly [string, string][]]
    const values = siblings.map(([version, value]) => [restamp(version), value] as const)
    return [values.sort(([a], [b]) => byText(a, b)), seen.map(([writer, stamp]) => [writer, restamp(stamp)])]
  }
  return state
}
