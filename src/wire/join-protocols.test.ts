import fc from 'fast-check'
import { expect, it } from 'vitest'
import { joinedProtocol, joinOffered, joinProtocols } from './join-protocols.js'

it('carries a join of any bytes in names that RFC 6455 allows', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2048 }), (join) => {
      const names = joinProtocols(join)
      expect(names.every((name) => /^[\w.-]+$/.test(name))).toBe(true)
      expect(names).toContain(joinedProtocol)
      const offered = joinOffered(names.join(', '))
      expect(Uint8Array.from(Buffer.from(offered ?? '', 'base64url'))).toEqual(Uint8Array.from(join))
    }),
  )
})

it('leaves a join that is too long for a request to a frame', () => {
  expect(joinProtocols(new Uint8Array(2049))).toEqual([])
})

it('finds none where there is none', () => {
  for (const header of [
    '',
    'chat, superchat',
    'ringmesh, ringmesh.join',
    'ringmesh.join.',
    'ringmesh.join.A',
  ]) {
    expect(joinOffered(header)).toBeUndefined()
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(joinOffered(`ringmesh.join.${text}`) ?? '').toMatch(/^[\w-]*$/)
    }),
  )
})
