import { expect, it } from 'vitest'
import { StoreRig } from './testing/store-rig.js'

it('compares with every co-owner within seconds after members changed, however many there are, and late views', () => {
  const ids = Array.from({ length: 20 }, (_, index) => `peer${index + 10}`)
  const compared = new Map<string, Set<string>>()
  const refused = new Set<string>()
  let late = 0
  const rig = new StoreRig(ids, {
    viewLag: (observer) => (observer === 'peer15' ? late : 0),
    onMessage: (from, to, message) => {
      if (message.type !== 'store.differences') return
      if (message.differing === null) refused.add(`${from} ${to}`)
      else compared.set(to, (compared.get(to) ?? new Set()).add(from))
    },
  })
  rig.time.advance(60_000)
  compared.clear()
  late = 2_000
  rig.net.crash('peer29')
  const noticed = 6_000
  rig.time.advance(noticed + late + 1_500 + 2 * 4_000)
  expect(refused.size).toBeGreaterThan(0)
  for (const id of ids.slice(0, -1)) expect(compared.get(id)?.size, id).toBe(ids.length - 2)
})
