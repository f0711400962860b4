import { expect, it } from 'vitest'
import { defaultLimits } from '../rooms/index.js'
import { AddressLimits } from './address-limits.js'

const limits = { ...defaultLimits, connectionsPerAddress: 3, newConnectionsPerAddress: 2 }

it('lets so many new connections of an address in at once, and so many a second from then on', () => {
  const addresses = new AddressLimits({ ...limits, connectionsPerAddress: 1_000 })
  const admitted = (now: number): number => {
    let count = 0
    while (addresses.refusal('192.0.2.1', now) === undefined) count++
    return count
  }
  expect(admitted(0)).toBe(20)
  expect(addresses.refusal('192.0.2.1', 0)).toBe('too-many-new-connections-from-address')
  expect(addresses.refusal('192.0.2.2', 0)).toBeUndefined()
  // What was refused is not held against it.
  expect(admitted(1_000)).toBe(2)
  expect(admitted(3_000)).toBe(4)
  expect(admitted(3_600_000)).toBe(20)
})

it('counts what is open, IPv6 by its /64', () => {
  const addresses = new AddressLimits({ ...limits, newConnectionsPerAddress: 1_000 })
  for (let n = 0; n < 3; n++) addresses.opened(`2001:db8::${n}`, 0)
  expect(addresses.refusal('2001:db8::9', 0)).toBe('too-many-connections-from-address')
  expect(addresses.refusal('2001:db8:0:1::9', 0)).toBeUndefined()
  addresses.closed('2001:db8::1')
  expect(addresses.refusal('2001:db8::9', 0)).toBeUndefined()
})

it('forgets addresses that have been quiet, and none that is not', () => {
  const addresses = new AddressLimits(limits)
  addresses.opened('192.0.2.1', 0)
  for (let n = 0; n < 100_000; n++) addresses.refusal(`stranger ${n}`, n)
  expect(addresses.size).toBeLessThan(5_000)
  for (let n = 0; n < 2; n++) addresses.opened('192.0.2.1', 100_000)
  expect(addresses.refusal('192.0.2.1', 100_000)).toBe('too-many-connections-from-address')
})
