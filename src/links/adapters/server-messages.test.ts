import { describe, expect, it } from 'vitest'
import { plainServers } from './server-messages.js'

describe('ice servers of a welcome', () => {
  it('are taken as they are, without fields that are not there', () => {
    const servers = [
      { urls: 'stun:stun.example.com:3478', username: undefined, credential: undefined },
      {
        urls: ['turn:turn.example.com?transport=tcp', 'turns:turn.example.com'],
        username: 'u',
        credential: 'c',
      },
    ]
    expect(plainServers(servers)).toEqual([
      { urls: 'stun:stun.example.com:3478' },
      {
        urls: ['turn:turn.example.com?transport=tcp', 'turns:turn.example.com'],
        username: 'u',
        credential: 'c',
      },
    ])
    expect(Object.keys(plainServers(servers)[0] ?? {})).toEqual(['urls'])
  })

  it('are left out where the platform would refuse them, and every dial with them', () => {
    const servers = [
      { urls: 'https://example.com' },
      { urls: '' },
      { urls: [] },
      { urls: 'turn:turn.example.com' },
      { urls: ['turn:turn.example.com', 'stun:stun.example.com'], username: 'u' },
    ]
    expect(plainServers(servers)).toEqual([{ urls: ['stun:stun.example.com'], username: 'u' }])
  })

  it('are sixteen at most', () => {
    const many = Array.from({ length: 1_000 }, (_, number) => ({ urls: `stun:${number}.example.com` }))
    expect(plainServers(many)).toHaveLength(16)
    const urls = many.map((server) => server.urls)
    expect(plainServers([{ urls: 'stun:first' }, { urls }, { urls: 'stun:last' }])).toEqual([
      { urls: 'stun:first' },
      { urls: urls.slice(0, 15) },
    ])
  })
})
