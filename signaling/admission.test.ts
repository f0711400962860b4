import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportPKCS8, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualTime } from '../src/runtime/index.js'
import { type PeerInfo, packValue, protocolVersion } from '../src/wire/index.js'
import { mintToken, type TokenOptions } from './mint-token.js'
import { JwtAdmission } from './node/jwt-admission.js'
import { matchesRoom } from './node/room-pattern.js'
import { LoneBus } from './rooms/index.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
import { RawPeer, tab } from './testing/raw-peer.js'

const key = 'a key that is long enough: 32 bytes, and more'
const servers: SignalServer[] = []
const refusals: unknown[] = []

async function start(options: StartSignalOptions = { key }): Promise<SignalServer> {
  const server = await startSignalServer({
    port: 0,
    log: (_level, _message, details = {}) => {
      if ('reason' in details) refusals.push(details.reason)
    },
    ...options,
  })
  servers.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  refusals.length = 0
})

/** How the server answers a join: `welcome`, or the error that it refuses with. */
async function answer(
  url: string,
  token: string | null,
  peer: PeerInfo = tab('a'),
  room = 'room',
): Promise<string> {
  const raw = await new RawPeer(url).opened()
  raw.send({ type: 'signal.join', protocol: protocolVersion, room, peer, token })
  const welcome = raw.next('signal.welcome').then(() => 'welcome')
  const refused = raw.next('signal.refused').then(({ error }) => error)
  const first = await Promise.race([welcome, refused])
  raw.close()
  welcome.catch(() => {})
  refused.catch(() => {})
  return first
}

const mint = (options: TokenOptions = {}): Promise<string> => mintToken({ key, ...options })

/** Signs any claims, as a minter with a mistake or ill intent would. */
const sign = (claims: Record<string, unknown>, secret = key): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret))

/** The next one in the alphabet of base64url. */
function nextCharacter(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[(alphabet.indexOf(character) + 1) % 64] as string
}

const soon = (): number => Math.floor(Date.now() / 1000) + 600

describe('a server with a key', () => {
  it('lets in who has a token that says so', async () => {
    const { url } = await start()
    expect(await answer(url, await mint())).toBe('welcome')
    expect(await answer(url, await mint({ room: 'room', peer: 'a', weight: 1, kind: 'tab' }))).toBe('welcome')
    expect(await answer(url, await mint({ room: 'ro*' }))).toBe('welcome')
  })

  const edge: PeerInfo = { id: 'a', kind: 'edge', weight: 4, host: 'h' }
  it.each<[reason: string, token: () => Promise<string | null> | string | null, peer?: PeerInfo]>([
    ['token-missing', () => null],
    ['token-malformed', () => ''],
    ['token-malformed', () => 'nonsense'],
    ['token-malformed', () => 'a.b.c'],
    ['token-signature', () => mint({ key: 'another key that is long enough, of 32 bytes' })],
    ['token-signature', async () => `${(await mint()).slice(0, -6)}AAAAAA`],
    ['token-expired', () => sign({ exp: soon() - 3600 })],
    ['token-malformed', () => sign({})],
    ['token-malformed', () => sign({ exp: soon(), room: 7 })],
    ['token-not-yet-valid', () => sign({ exp: soon() + 600, nbf: soon() })],
    ['token-room', () => mint({ room: 'other' })],
    ['token-room', () => mint({ room: 'other-*' })],
    ['token-peer', () => mint({ peer: 'b' })],
    ['token-weight', () => mint({ weight: 1 }), edge],
    ['token-kind', () => mint({ kind: 'tab' }), edge],
    ['token-algorithm', () => new UnsecuredJWT({}).setExpirationTime('1h').encode()],
    ['token-too-long', async () => `${await mint()}${'x'.repeat(17_000)}`],
  ])('refuses with Unauthorized, for the reason %s', async (reason, token, peer) => {
    const { url, tally } = await start()
    expect(await answer(url, await token(), peer)).toBe('Unauthorized')
    expect(refusals).toEqual([reason])
    expect([...tally.refusals]).toEqual([[reason, 1]])
  })

  it('refuses a token of a megabyte', async () => {
    const { url } = await start()
    const raw = await new RawPeer(url).opened()
    raw.socket.send(packValue([112, protocolVersion, 'room', tab('a'), 'x'.repeat(2 ** 20)]))
    expect((await raw.next('signal.refused')).error).toBe('Unauthorized')
    expect(refusals).toEqual(['token-too-long'])
  })

  it('lets a peer back in that lost its socket, and not one that has said goodbye', async () => {
    const { url } = await start()
    const token = await mint()
    const lost = await RawPeer.join(url, 'room', 'a', token)
    lost.kill()
    await lost.closed
    const back = await RawPeer.join(url, 'room', 'a', token)
    back.send({ type: 'signal.leave' })
    await back.closed
    expect(await answer(url, token)).toBe('Unauthorized')
    expect(refusals).toEqual(['token-spent'])
    // The token was for any peer, so others may still use it.
    expect(await answer(url, token, tab('b'))).toBe('welcome')
  })

  it.each<[string, (token: string) => string]>([
    ['white space', (token) => `${token} `],
    ['padding', (token) => `${token}=`],
    [
      'the other alphabet of base64',
      (token) => token.replace(/[^.]*$/, (text) => text.replace(/-/g, '+').replace(/_/g, '/')),
    ],
    // Of the last of 43 characters two bits are no part of the 32 bytes.
    ['bits that nobody reads', (token) => token.slice(0, -1) + nextCharacter(token.slice(-1))],
  ])('lets nobody in with a spent token that is written otherwise: %s', async (_how, rewritten) => {
    const { url } = await start()
    let token = await mint()
    // One in whose signature the two alphabets differ.
    while (!/[-_][^.]*$/.test(token)) token = await mint()
    const peer = await RawPeer.join(url, 'room', 'a', token)
    peer.send({ type: 'signal.leave' })
    await peer.closed
    expect(rewritten(token)).not.toBe(token)
    expect(await answer(url, rewritten(token))).toBe('Unauthorized')
  })

  it('puts a peer out when its token expires, and lets it back with a fresh one', async () => {
    const { url, tally } = await start()
    const witness = await RawPeer.join(url, 'room', 'witness', await mint())
    // The tolerance for clocks that differ is 5 s: this one has three seconds left, as its peer has to be in before.
    const token = await sign({ exp: Date.now() / 1000 - 2 })
    const peer = await RawPeer.join(url, 'room', 'a', token)
    expect(await peer.closed).toBe(4003)
    expect(await witness.next('signal.closed')).toMatchObject({ peer: 'a', clean: false })
    expect(await answer(url, token)).toBe('Unauthorized')
    expect(await answer(url, await mint())).toBe('welcome')
    expect(tally.expired).toBe(1)
  })
})

describe('a server whose key changes', () => {
  const former = 'the key before this one, 32 bytes and more'

  it('takes tokens by both, and by no third', async () => {
    const { url } = await start({ key, previousKey: former })
    expect(await answer(url, await mint())).toBe('welcome')
    expect(await answer(url, await mint({ key: former }))).toBe('welcome')
    expect(await answer(url, await mint({ key: 'a third key that is long enough: 32 bytes' }))).toBe(
      'Unauthorized',
    )
    expect(await answer(url, await sign({ exp: soon() - 3600 }, former))).toBe('Unauthorized')
    expect(refusals).toEqual(['token-signature', 'token-expired'])
  })

  it('wants the new one too', async () => {
    await expect(start({ previousKey: former })).rejects.toThrow(
      'signal.previousKey: must be given together with',
    )
  })
})

describe('a server that shares its keys with other services', () => {
  it('takes only tokens that name it, from whom it knows', async () => {
    const { url } = await start({ key, audience: 'mesh', issuer: 'https://login.example' })
    const good = { audience: 'mesh', issuer: 'https://login.example' }
    expect(await answer(url, await mint(good))).toBe('welcome')
    expect(await answer(url, await sign({ exp: soon(), aud: ['other', 'mesh'], iss: good.issuer }))).toBe(
      'welcome',
    )
    for (const wrong of [{}, { ...good, audience: 'other' }, { ...good, issuer: 'https://evil.example' }])
      expect(await answer(url, await mint(wrong))).toBe('Unauthorized')
    expect(refusals).toEqual(['token-issuer', 'token-audience', 'token-issuer'])
  })
})

describe('a server with public keys', () => {
  it.each(['EdDSA', 'ES256'] as const)('takes tokens signed with %s, and no others', async (algorithm) => {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] }
    const { url } = await start({ jwks })
    const jwk = { ...(await exportJWK(privateKey)), kid: 'one' }
    expect(await answer(url, await mintToken({ privateKey: jwk, room: 'room' }))).toBe('welcome')
    const stranger = await generateKeyPair(algorithm, { extractable: true })
    const forged = { ...(await exportJWK(stranger.privateKey)), kid: 'one' }
    expect(await answer(url, await mintToken({ privateKey: forged }))).toBe('Unauthorized')
    // The classic confusion: the public key taken as a shared secret.
    const confused = await sign({ exp: soon() }, JSON.stringify(jwks.keys[0]))
    expect(await answer(url, confused)).toBe('Unauthorized')
    expect(refusals).toEqual(['token-signature', 'token-algorithm'])
  })

  it('tries each key on a token that names none, as when the keys change', async () => {
    const pairs = await Promise.all(
      ['EdDSA', 'EdDSA', 'ES256'].map((alg) => generateKeyPair(alg, { extractable: true })),
    )
    const keys = await Promise.all(
      pairs.map(async ({ publicKey }, index) => ({ ...(await exportJWK(publicKey)), kid: `key ${index}` })),
    )
    const { url } = await start({ jwks: { keys } })
    // PEM has no name for its key.
    for (const { privateKey } of pairs)
      expect(await answer(url, await mintToken({ privateKey: await exportPKCS8(privateKey) }))).toBe(
        'welcome',
      )
    const stranger = await generateKeyPair('EdDSA', { extractable: true })
    const forged = await mintToken({ privateKey: await exportPKCS8(stranger.privateKey) })
    expect(await answer(url, forged)).toBe('Unauthorized')
    expect(
      await answer(
        url,
        await new SignJWT({ exp: soon() - 3600 })
          .setProtectedHeader({ alg: 'EdDSA' })
          .sign((pairs[1] as (typeof pairs)[number]).privateKey),
      ),
    ).toBe('Unauthorized')
    expect(refusals).toEqual(['token-signature', 'token-expired'])
  })

  it('says that it cannot check tokens while its keys cannot be had', async () => {
    const { url } = await start({ jwks: 'http://127.0.0.1:9/jwks.json' })
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    expect(
      await answer(
        url,
        await mintToken({ privateKey: (await exportJWK(privateKey)) as Record<string, unknown> }),
      ),
    ).toBe('Unauthorized')
    expect(refusals).toEqual(['token-keys-unavailable'])
  })
})

it.each([1, 2])('goes by the last keys while none can be had, and for a day: %i keys', async (many) => {
  const pairs = await Promise.all(
    Array.from({ length: many }, () => generateKeyPair('EdDSA', { extractable: true })),
  )
  const { privateKey } = pairs.at(-1) as (typeof pairs)[number]
  const jwks = { keys: await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey))) }
  let asked = 0
  let isThere = true
  const provider = createServer((_request, response) => {
    asked++
    response.writeHead(isThere ? 200 : 500).end(JSON.stringify(jwks))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  try {
    const time = new VirtualTime(1)
    let wallClock = Date.now()
    const logged: unknown[] = []
    const runtime = {
      ...time.runtime('server'),
      wallClock: () => wallClock,
      log: (_level: string, message: string, details: unknown) => logged.push([message, details]),
    }
    const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/`
    const admission = new JwtAdmission(runtime, new LoneBus('one'), { jwks: url })
    const privateJwk = (await exportJWK(privateKey)) as Record<string, unknown>
    const token = await mintToken({ privateKey: privateJwk, expiresIn: 1e6 })
    const verdict = (): Promise<string> =>
      new Promise((resolve) =>
        admission.admit({ room: 'room', peer: tab('a'), token }, (found) =>
          resolve(found.admitted ? 'admitted' : found.reason),
        ),
      )
    const pass = (milliseconds: number): void => {
      time.advance(milliseconds)
      wallClock += milliseconds
      vi.setSystemTime(wallClock)
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    expect(await verdict()).toBe('admitted')
    isThere = false
    pass(3_600_000)
    for (let n = 0; n < 3; n++) expect(await verdict()).toBe('admitted')
    // Not asked for again with every join.
    expect(asked).toBe(2)
    expect(logged).toEqual([
      ['the keys of tokens cannot be had', expect.objectContaining({ consequence: 'the last ones hold' })],
    ])
    pass(23.5 * 3_600_000)
    expect(await verdict()).toBe('token-keys-unavailable')
    isThere = true
    expect(await verdict()).toBe('admitted')
  } finally {
    vi.useRealTimers()
    await new Promise((resolve) => provider.close(resolve))
  }
})

it('asks pages for their origin, and programs for none', async () => {
  const { url } = await start({ origins: ['https://app.example'] })
  for (const [origin, expected] of [
    ['https://app.example', 'signal.welcome'],
    ['https://evil.example', 'signal.refused'],
    ['null', 'signal.refused'],
  ] as const) {
    const raw = await new RawPeer(url, { origin }).opened()
    raw.send({ type: 'signal.join', protocol: protocolVersion, room: 'room', peer: tab('a'), token: null })
    await raw.next(expected)
  }
  await RawPeer.join(url, 'room', 'b')
  expect(refusals).toEqual(['origin', 'origin'])
})

it('hands out time-limited TURN credentials, and then new ones', async () => {
  const { url } = await start({
    iceServers: [{ urls: 'stun:stun.example' }],
    turn: { urls: ['turn:turn.example'], secret: 'north', ttlSeconds: 4 },
  })
  const peer = await new RawPeer(url).opened()
  peer.send({ type: 'signal.join', protocol: protocolVersion, room: 'room', peer: tab('a'), token: null })
  const before = Date.now() / 1000
  const { iceServers } = await peer.next('signal.welcome')
  const answered = Date.now() / 1000
  expect(iceServers[0]).toEqual({ urls: 'stun:stun.example' })
  const [expiry, name] = (iceServers[1]?.username ?? '').split(':')
  expect(name).toBe('a')
  // In whole seconds, from some moment between the question and its answer.
  expect(Number(expiry)).toBeGreaterThan(before + 4 - 1)
  expect(Number(expiry)).toBeLessThan(answered + 4 + 1)
  // In time, which turn-credentials.test.ts shows on a clock that does not run on while this process waits.
  const renewed = await peer.next('signal.iceServers')
  expect(Number(renewed.iceServers[1]?.username?.split(':')[0])).toBeGreaterThan(Number(expiry))
})

describe('a token', () => {
  it('is minted with one key only, and says what is wrong with its options', async () => {
    await expect(mintToken({})).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(mintToken({ key: 'short' })).rejects.toThrow('token.key: must have at least 32 characters')
    await expect(mintToken({ privateKey: 'no PEM' })).rejects.toThrow('(hidden)')
    await expect(mintToken({ key: 'hush' })).rejects.toThrow(
      'must have at least 32 characters, but got "(hidden)"',
    )
    await expect(mintToken({ key: 'hush' })).rejects.toMatchObject({ value: '(hidden)' })
    await expect(mintToken({ key, privateKey: 'no PEM' })).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(mintToken({ key, kind: 'server' as 'edge' })).rejects.toThrow("must be 'tab' or 'edge'")
    // No server would take these.
    await expect(mintToken({ key, weight: Number.POSITIVE_INFINITY })).rejects.toThrow(
      'token.weight: must be',
    )
    for (const name of ['room', 'peer'])
      await expect(mintToken({ key, [name]: 'x'.repeat(257) })).rejects.toThrow(
        `token.${name}: must have at most 256 characters`,
      )
  })

  it.each([
    ['room', 'room', true],
    ['room', 'rooms', false],
    ['*', '', true],
    ['team-*', 'team-', true],
    ['team-*', 'tea', false],
    ['*-a', 'b-a', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*b', 'ab', false],
    ['a*b*b', 'abb', true],
    ['.*', 'anything', false],
  ])('for the room %s is good for %s: %s', (pattern, room, good) => {
    expect(matchesRoom(pattern, room)).toBe(good)
  })
})
