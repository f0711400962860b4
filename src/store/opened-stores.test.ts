import { describe, expect, it } from 'vitest'
import { StoreRig } from './testing/store-rig.js'

describe('the stores that a peer has opened', () => {
  it('are one for each name', () => {
    const rig = new StoreRig(['a'])
    const scores = rig.store('a', 'scores', { replicas: 2 })
    expect(rig.store('a', 'scores', { replicas: 2 })).toBe(scores)
    expect(rig.store('a', 'others', { replicas: 2 })).not.toBe(scores)
  })

  it('are refused where an option differs, which is named with what it was', () => {
    const rig = new StoreRig(['a'])
    rig.store('a', 'scores', { replicas: 2 })
    expect(() => rig.store('a', 'scores', { replicas: 3 })).toThrow(
      "store.replicas: must be 2, as where 'scores' was opened first, but got 3",
    )
    expect(() => rig.store('a', '')).toThrow('store')
  })
})
