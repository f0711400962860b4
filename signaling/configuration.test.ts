import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfiguration, settings } from './configuration.js'
import { withoutSecrets } from './options.js'

let directory: string
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ringmesh-configuration-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const key = 'a key that is long enough: 32 bytes, and more'

describe('a configuration', () => {
  it('has a default for everything', () => {
    expect(loadConfiguration({})).toMatchObject({
      host: '127.0.0.1',
      port: 9000,
      limits: { peersPerRoom: 256 },
    })
  })

  it('is put together from file, environment and flags, the later winning', () => {
    const configuration = loadConfiguration({
      file: file(
        'all.json',
        JSON.stringify({ port: 1, host: 'a', path: '/file', limits: { rooms: 1, connections: 1 } }),
      ),
      environment: {
        RINGMESH_SIGNAL_PORT: '2',
        RINGMESH_SIGNAL_HOST: 'b',
        RINGMESH_SIGNAL_LIMITS_ROOMS: '2',
        RINGMESH_SIGNAL_ORIGINS: 'https://a.example, https://b.example',
        RINGMESH_SIGNAL_OPEN: 'true',
        RINGMESH_SIGNAL_TURN_URLS: 'turn:a',
        RINGMESH_SIGNAL_TURN_SECRET: 's',
        RINGMESH_SIGNAL_ICE_SERVERS: '[{"urls":"stun:a"}]',
        RINGMESH_SIGNAL_PEERJS: 'false',
        UNRELATED: 'x',
      },
      flags: { port: 3, limits: { rooms: 3 }, host: undefined },
    })
    expect(configuration).toMatchObject({
      port: 3,
      host: 'b',
      path: '/file',
      open: true,
      origins: ['https://a.example', 'https://b.example'],
      limits: { rooms: 3, connections: 1, peersPerRoom: 256 },
      turn: { urls: ['turn:a'], secret: 's', ttlSeconds: 3600 },
      iceServers: [{ urls: 'stun:a' }],
      peerjs: false,
    })
  })

  it('takes secrets from files, as they are mounted', () => {
    const environment = { RINGMESH_SIGNAL_KEY_FILE: file('key', `${key}\n`) }
    expect(loadConfiguration({ environment }).key).toBe(key)
  })

  it.each<[string, () => unknown]>([
    ['signal.port: must be a port number', () => loadConfiguration({ flags: { port: 70_000 } })],
    [
      'signal.limits.rooms: must be at least 1',
      () => loadConfiguration({ environment: { RINGMESH_SIGNAL_LIMITS_ROOMS: '0' } }),
    ],
    [
      'signal.port: must be a port number',
      () => loadConfiguration({ environment: { RINGMESH_SIGNAL_PORT: 'x' } }),
    ],
    [
      'RINGMESH_SIGNAL_OPEN: must be true or false',
      () => loadConfiguration({ environment: { RINGMESH_SIGNAL_OPEN: 'yes' } }),
    ],
    ['signal.prot: is not an option here', () => loadConfiguration({ flags: { prot: 1 } })],
    ['must be a file of JSON, but got', () => loadConfiguration({ file: file('bad.json', '{') })],
    ['must hold one object', () => loadConfiguration({ file: file('list.json', '[]') })],
    ['must be a file that can be read', () => loadConfiguration({ file: join(directory, 'missing') })],
    ['signal.key: must have at least 32 characters', () => loadConfiguration({ flags: { key: 'short' } })],
  ])('says in one line what is wrong: %s', (message, load) => {
    expect(load).toThrow(message)
    expect(load).toThrow(expect.objectContaining({ name: 'InvalidOption' }))
  })

  it('can be printed whole, its secrets hidden', () => {
    const configuration = loadConfiguration({
      flags: {
        key,
        redis: 'redis://user:password@host:6379',
        turn: { urls: ['turn:a'], secret: 'turn-secret' },
        iceServers: [{ urls: 'turn:b', username: 'u', credential: 'ice-secret' }],
      },
    })
    const printed = JSON.stringify(withoutSecrets(configuration))
    for (const secret of [key, 'password', 'turn-secret', 'ice-secret']) expect(printed).not.toContain(secret)
    expect(printed).toContain('host:6379')
  })
})

it('every option can be set by a variable, also those within others', () => {
  const variables = settings().map(({ variable }) => variable)
  expect(new Set(variables).size).toBe(variables.length)
  for (const variable of [
    'PORT',
    'JWKS',
    'REDIS_PREFIX',
    'PEERJS_DISCOVERY',
    'TURN_TTL_SECONDS',
    'LIMITS_BYTES_PER_SECOND',
  ])
    expect(variables).toContain(`RINGMESH_SIGNAL_${variable}`)
})
