import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runToken } from './command.js'
import { loadConfiguration, settings } from './configuration.js'
import { withoutSecrets } from './options.js'
import { startSignalServer } from './server.js'

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
    // Compose files pass on a variable that is not set as an empty one.
    expect(loadConfiguration({ environment: { ...environment, RINGMESH_SIGNAL_KEY: undefined } }).key).toBe(
      key,
    )
  })

  it('takes a secret and options as they are written by editors that mark the encoding', () => {
    const marked = (text: string): string => `\ufeff${text}`
    const environment = { RINGMESH_SIGNAL_KEY_FILE: file('marked', marked(key)) }
    expect(loadConfiguration({ environment }).key).toBe(key)
    expect(loadConfiguration({ file: file('marked.json', marked('{"port":1}')) }).port).toBe(1)
  })

  it('takes no file of bytes that are no text, as others would sign by other bytes', () => {
    const bytes = join(directory, 'bytes')
    writeFileSync(bytes, new Uint8Array(40).fill(0xff))
    for (const load of [
      () => loadConfiguration({ environment: { RINGMESH_SIGNAL_KEY_FILE: bytes } }),
      () => loadConfiguration({ file: bytes }),
    ])
      expect(load).toThrow('must be a file of text in UTF-8')
  })

  it('is never open because a secret was lost on its way', () => {
    const lost = [
      { RINGMESH_SIGNAL_KEY: '' },
      { RINGMESH_SIGNAL_KEY_FILE: file('empty', '\n') },
      { RINGMESH_SIGNAL_JWKS: '' },
      // As where a compose file passes on the name of a file that is not set.
      { RINGMESH_SIGNAL_KEY_FILE: '' },
      { RINGMESH_SIGNAL_KEY: key, RINGMESH_SIGNAL_JWKS_FILE: '' },
      { RINGMESH_SIGNAL_KEY: key, RINGMESH_SIGNAL_AUDIENCE: '' },
      { RINGMESH_SIGNAL_KEY: key, RINGMESH_SIGNAL_ISSUER: '' },
      { RINGMESH_SIGNAL_ORIGINS: '' },
      { RINGMESH_SIGNAL_KEY: '', RINGMESH_SIGNAL_KEY_FILE: file('good', key) },
    ]
    for (const environment of lost) {
      expect(() => loadConfiguration({ environment })).toThrow(/RINGMESH_SIGNAL_\w+: must not be empty/)
    }
    expect(() =>
      loadConfiguration({ environment: { RINGMESH_SIGNAL_REDIS_FILE: file('none', '') } }),
    ).toThrow('RINGMESH_SIGNAL_REDIS_FILE: must not be empty')
    expect(loadConfiguration({ environment: { RINGMESH_SIGNAL_REDIS: '' } }).redis).toBe(undefined)
  })

  it('takes no part of what another variable switches off, which would switch it on', () => {
    const environment = { RINGMESH_SIGNAL_PEERJS: 'false', RINGMESH_SIGNAL_PEERJS_KEY: 'mine' }
    expect(() => loadConfiguration({ environment })).toThrow(
      'RINGMESH_SIGNAL_PEERJS_KEY: must not be given together with RINGMESH_SIGNAL_PEERJS=false',
    )
    expect(() => loadConfiguration({ environment })).not.toThrow('mine')
    const { RINGMESH_SIGNAL_PEERJS_KEY } = environment
    expect(loadConfiguration({ environment: { RINGMESH_SIGNAL_PEERJS_KEY } }).peerjs).toMatchObject({
      key: 'mine',
    })
  })

  it('takes no variable that means nothing, as what it was to forbid would be allowed', () => {
    const environment = { RINGMESH_SIGNAL_ORIGIN: 'https://hush.example', PATH: '/bin' }
    expect(() => loadConfiguration({ environment })).toThrow('RINGMESH_SIGNAL_ORIGIN: names no option')
    expect(() => loadConfiguration({ environment })).not.toThrow('hush')
    const twice = { RINGMESH_SIGNAL_KEY: key, RINGMESH_SIGNAL_KEY_FILE: file('other', key) }
    expect(() => loadConfiguration({ environment: twice })).toThrow(
      'RINGMESH_SIGNAL_KEY_FILE: must not be given',
    )
  })

  it.each([
    'https://app.example',
    'http://localhost:5173',
    'null',
    'chrome-extension://abc',
    'capacitor://localhost',
  ])('takes the origin %s', (origin) => {
    expect(loadConfiguration({ flags: { origins: [origin] } }).origins).toEqual([origin])
  })

  it.each([
    'https://app.example/',
    'https://App.example',
    'https://app.example:443',
    'app.example',
    '*',
    'https://*.example',
    'https://',
  ])('refuses %s for an origin, as no browser sends it so', (origin) => {
    expect(() => loadConfiguration({ flags: { origins: [origin] } })).toThrow('must be an origin')
  })

  it.each(['', 'a', '/a b', '//a', '/ü', '/a?b', '/a#b', '/a\n'])('refuses %j for a path', (path) => {
    expect(() => loadConfiguration({ flags: { path } })).toThrow('signal.path: must')
  })

  it('takes only ICE servers that a browser takes', () => {
    const wrong: readonly [string, unknown][] = [
      ['must be a stun:, stuns:, turn: or turns: URL', [{ urls: 'http://a' }]],
      ['must be a stun:, stuns:, turn: or turns: URL', [{ urls: ['stun:a', 'a'] }]],
      ['must have username and credential', [{ urls: ['stun:a', 'turn:a'], username: 'a' }]],
    ]
    for (const [message, iceServers] of wrong) {
      expect(() => loadConfiguration({ flags: { iceServers } })).toThrow(message)
    }
    expect(() => loadConfiguration({ flags: { turn: { urls: ['stun:a'], secret: 's' } } })).toThrow(
      'must be a turn: or turns: URL',
    )
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
    ...[' ', '0x10', '1e3', '9000tcp', 'tcp://10.0.0.1:9000', '-1', '1.5'].map(
      (text): [string, () => unknown] => [
        'signal.port: must be a port number',
        () => loadConfiguration({ environment: { RINGMESH_SIGNAL_PORT: text } }),
      ],
    ),
    ['signal.prot: is not an option here', () => loadConfiguration({ flags: { prot: 1 } })],
    ['must be a file of JSON, but got', () => loadConfiguration({ file: file('bad.json', '{') })],
    ['must hold one object', () => loadConfiguration({ file: file('list.json', '[]') })],
    ['must be a file that can be read', () => loadConfiguration({ file: join(directory, 'missing') })],
    ['signal.key: must have at least 32 characters', () => loadConfiguration({ flags: { key: 'short' } })],
  ])('says in one line what is wrong: %s', (message, load) => {
    expect(load).toThrow(message)
    expect(load).toThrow(expect.objectContaining({ name: 'InvalidOption' }))
  })

  it.each<[string, () => unknown]>([
    ['a key that is too short', () => loadConfiguration({ flags: { key: 'hush' } })],
    ['a key under a name with a mistake in it', () => loadConfiguration({ flags: { kye: 'hush' } })],
    ['a whole section that is none', () => loadConfiguration({ flags: { turn: 'hush' } })],
    [
      'a secret of TURN of a wrong kind',
      () => loadConfiguration({ flags: { turn: { urls: ['turn:a'], secret: ['hush'] } } }),
    ],
    [
      'ICE servers that are no list',
      () => loadConfiguration({ flags: { iceServers: { credential: 'hush' } } }),
    ],
    ['a JWKS that is none', () => loadConfiguration({ flags: { jwks: { d: 'hush' } } })],
    ['a Redis of another scheme', () => loadConfiguration({ flags: { redis: 'http://u:hush@host' } })],
    ['a Redis that is no URL', () => startSignalServer({ redis: 'redis://u:hush@host:99999' })],
    ['a Redis with a password that is no URL', () => startSignalServer({ redis: 'redis://u:hush%zz@host' })],
    ['a JWKS by a URL with a password', () => loadConfiguration({ flags: { jwks: 'https://u:hush@host/' } })],
    ['a JWKS by a URL that is none', () => loadConfiguration({ flags: { jwks: 'https://hush@' } })],
    ['a JWKS of nonsense', () => startSignalServer({ jwks: { keys: [{ kty: 7, d: 'hush' }] } })],
    ['a private key that is no JSON', () => runToken({ privateKey: file('jwk.json', '{"d": hush}') })],
    ['a file that is no JSON', () => loadConfiguration({ file: file('no.json', '{"key": hush') })],
    ['a file of something else', () => loadConfiguration({ file: file('text.json', '"hush"') })],
    [
      'a variable that is no JSON',
      () => loadConfiguration({ environment: { RINGMESH_SIGNAL_JWKS: '{hush' } }),
    ],
  ])('shows no secret in its errors: %s', async (_what, load) => {
    let thrown: unknown
    try {
      await load()
    } catch (error) {
      thrown = error
    }
    expect(inspect(thrown)).toContain('InvalidOption')
    // Of a file its name is shown, and nothing of what is in it.
    expect(inspect(thrown)).toMatch(/\(hidden\)|\w+\.json/)
    expect(inspect(thrown)).not.toContain('hush')
  })

  it('still shows a wrong value beside a secret', () => {
    expect(() =>
      loadConfiguration({ flags: { turn: { urls: ['turn:a'], secret: 's', ttlSeconds: 1 } } }),
    ).toThrow('signal.turn.ttlSeconds: must be at least 4, but got 1')
  })

  it.each([
    ['redis://user:p@ss/word@host:6379', 'host:6379'],
    ['rediss://:p@ss@host:6379', 'host:6379'],
  ])('hides all of a password in %s', (redis, rest) => {
    const printed = JSON.stringify(withoutSecrets(loadConfiguration({ flags: { redis } })))
    expect(printed).toContain(`//(hidden)@${rest}`)
    expect(printed).not.toMatch(/ss@|ss\/|word|user/)
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

  it('hides what a URL asks for, which may be a key', () => {
    const configuration = loadConfiguration({ flags: { jwks: 'https://login.example/keys?api-key=hush' } })
    expect(withoutSecrets(configuration).jwks).toBe('https://login.example/keys?(hidden)')
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
