/** Leaves of the tree: with 100,000 keys about 24 in each, so that one differing key costs little to list (DESIGN, State, anti-entropy). */
export const leafCount = 4096
/** Branches above the leaves, and leaves of each branch: 4096 = 64 × 64, two small exchanges. */
export const branchCount = 64

/**
 * Hashes over the keys that two peers own together: every leaf is the exclusive-or of its keys'
 * hashes, so a write costs two operations, whatever the number of keys.
 */
export class HashTree {
  readonly #leaves = new Uint32Array(2 * leafCount)

  /** Puts a key's hash in, or takes it out again. */
  toggle(leaf: number, high: number, low: number): void {
    const leaves = this.#leaves
    leaves[2 * leaf] = (leaves[2 * leaf] as number) ^ high
    leaves[2 * leaf + 1] = (leaves[2 * leaf + 1] as number) ^ low
  }

  /** The hashes of all branches, 8 bytes each: sums that tell apart what exclusive-or alone would cancel. */
  branches(): Uint8Array {
    const hashes = new Uint32Array(2 * branchCount)
    for (let leaf = 0; leaf < leafCount; leaf++) {
      const branch = Math.floor(leaf / branchCount)
      const high = this.#leaves[2 * leaf] as number
      const low = this.#leaves[2 * leaf + 1] as number
      hashes[2 * branch] = Math.imul((hashes[2 * branch] as number) ^ high, 0x01000193)
      hashes[2 * branch + 1] = Math.imul((hashes[2 * branch + 1] as number) ^ low, 0x01000193)
    }
    return bytesOf(hashes)
  }

  /** The hashes of the leaves of one branch. */
  leavesOf(branch: number): Uint8Array {
    return bytesOf(this.#leaves.slice(2 * branch * branchCount, 2 * (branch + 1) * branchCount))
  }
}

/** Little-endian on every machine, so that peers on different ones agree. */
function bytesOf(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word, true)
  return bytes
}

/** The positions, of 64, at which two rows of 8-byte hashes differ. */
export function differences(a: Uint8Array, b: Uint8Array): number[] {
  const differing: number[] = []
  for (let position = 0; position < branchCount; position++) {
    for (let byte = 8 * position; byte < 8 * position + 8; byte++) {
      if (a[byte] === b[byte]) continue
      differing.push(position)
      break
    }
  }
  return differing
}
