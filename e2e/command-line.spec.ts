import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { freePort } from '../signaling/testing/free-port.js'
import { StartedProcesses } from './support/started-process.js'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const commands = ['signal', 'edge', 'status', 'token', 'sim']

const running = new StartedProcesses()

test.afterEach(() => running.kill())

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** Starts `ringmesh …`, and gives what it has printed so far, and its end. */
function ringmesh(...parameters: string[]) {
  return started(parameters, {})
}

function started(parameters: readonly string[], environment: Record<string, string>) {
  const { child, printed, ended } = running.start(process.execPath, [cli, ...parameters], {
    env: { ...process.env, ...environment },
  })
  return { child, printed, ended: ended.then((code): Ended => ({ code, ...printed })) }
}

test('every command has help with examples, and exits with 0', async () => {
  const asked = [[], ...commands.map((name) => [name])].map((command) => ringmesh(...command, '--help').ended)
  for (const { code, out, error } of await Promise.all(asked)) {
    expect(code).toBe(0)
    expect(out).toMatch(/Examples?:\n {2}.*ringmesh/)
    expect(error).toBe('')
  }
})

test('help loads nothing but what parses the command line', async () => {
  const coverage = mkdtempSync(join(tmpdir(), 'ringmesh-loaded-'))
  try {
    for (const command of [[], ...commands.map((name) => [name])]) {
      await started([...command, '--help'], { NODE_V8_COVERAGE: coverage }).ended
    }
    // Node writes down there every script that it has loaded.
    const loaded = readdirSync(coverage).flatMap((file) =>
      [...readFileSync(join(coverage, file), 'utf8').matchAll(/node_modules\/((?:@[^/"]+\/)?[^/"]+)/g)].map(
        ([, name]) => name,
      ),
    )
    expect([...new Set(loaded)]).toEqual(['commander'])
  } finally {
    rmSync(coverage, { recursive: true, force: true })
  }
})

test('--version prints the version of the package', async () => {
  expect((await ringmesh('--version').ended).out).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('bad arguments get one clear line and exit code 2', async () => {
  const somewhere = ['--signal', 'ws://localhost:1', '--room', 'r']
  const store = ['sim', '--world', 'store', '--writes', '1000000']
  const folder = mkdtempSync(join(tmpdir(), 'ringmesh-bad-'))
  const secretive = join(folder, 'config.json')
  writeFileSync(secretive, '{ "key": "a secret",\n }')
  const cases: [parameters: string[], line: RegExp][] = [
    [[], /a command is needed/],
    [['sgnal'], /unknown command 'sgnal' \(Did you mean signal\?\)/],
    [['signal', '--port', 'high'], /--port.*'high'.*must be a port/],
    [['signal', '--host', '0.0.0.0'], /signal/],
    [['signal', '--limit', 'much'], /signal --limit: must be name=value, but got "much"/],
    [['signal', '--config', '/nowhere.json'], /signal --config: .*\/nowhere\.json/],
    [['signal', '--nonsense'], /unknown option '--nonsense'/],
    [['edge', '--room', 'r'], /--signal <url\.\.\.>' not specified/],
    [['edge', '--signal', 'nowhere', '--room', 'r'], /join\.signal: .*but got/],
    [['edge', '--signal', 'ws://localhost:1', '--room', ''], /join\.room: must not be empty/],
    [['edge', ...somewhere, '--tasks', '/no.js'], /edge --tasks: .*there is no \/no\.js/],
    [['edge', ...somewhere, '--tasks', cli.replace('cli.js', 'index.js')], /edge --tasks: .*default export/],
    [['edge', ...somewhere, '--data', ''], /join\.persistence: must not be empty/],
    [['edge', ...somewhere, '--data', '/dev/null/data'], /join\.persistence: .*\/dev\/null\/data/],
    // Node's own way of making folders tries for ever there.
    [['edge', ...somewhere, '--data', '/proc/data'], /join\.persistence: .*\/proc\/data/],
    [['status', '--room', 'r'], /--signal <url\.\.\.>' not specified/],
    [
      ['status', '--signal', 'ws://localhost:1', '--room', 'r', '--every', '0'],
      /--every.*seconds above 0, at most 600/,
    ],
    [
      ['signal', '--host', '0.0.0.0', '--print-config'],
      /signal\.host: must be loopback unless a key is given/,
    ],
    [['token', '--key', 'short'], /token\.key: must have at least 32 characters/],
    [['status', ...somewhere, '--every', '5'], /status --every: must be given with --watch, but got 5/],
    [['token', '--kind', 'phone', '--key', 'x'.repeat(32)], /token\.kind: must be 'tab' or 'edge'/],
    [['sim', '--faults', 'rain'], /rain/],
    [['sim', '--seeds', '-1'], /--seeds/],
    [
      [...store, '--runs', '/nowhere/runs'],
      /sim --runs: must be a file that can be written .*\/nowhere\/runs/,
    ],
    [[...store, '--runs', '/proc/runs'], /sim --runs: must be a file that can be written .*\/proc\/runs/],
    [[...store, '--runs', tmpdir()], /sim --runs: must be a file that can be written/],
    [['signal', '--config', secretive], /^(?!.*a secret).*signal --config: must be a file of JSON/],
  ]
  const ends = await Promise.all(cases.map(([parameters]) => ringmesh(...parameters).ended))
  for (const [index, { code, out, error }] of ends.entries()) {
    const [parameters = [], line = /^$/] = cases[index] ?? []
    expect(error, parameters.join(' ')).toMatch(/^ringmesh: .*\n$/)
    expect(error).toMatch(line)
    expect({ out, code }).toEqual({ out: '', code: 2 })
  }
  rmSync(folder, { recursive: true })
})

test('what cannot be reached is one line and exit code 1', async () => {
  const { code, error } = await ringmesh(
    ...['status', '--signal', 'ws://127.0.0.1:1', '--room', 'r', '--timeout', '1'],
  ).ended
  expect(error).toMatch(/^ringmesh: .*ws:\/\/127\.0\.0\.1:1.*\n$/)
  expect(code).toBe(1)
})

test('ringmesh signal prints its effective configuration, secrets hidden', async () => {
  const { code, out } = await ringmesh(
    ...['signal', '--key', 'k'.repeat(32), '--limit', 'peersPerRoom=8', '--redis', 'redis://u:p@h:1'],
    '--print-config',
  ).ended
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    key: '(hidden)',
    limits: { peersPerRoom: 8 },
    redis: 'redis://(hidden)@h:1',
    port: 9000,
  })
})

test('status shows the edge workers of a room, their shares and trees, with a token of ringmesh token', async () => {
  const key = 'a key of this test, long enough to be one'
  const signal = ringmesh('signal', '--port', '0', '--key', key)
  await expect.poll(() => signal.printed.out).toMatch(/ws:.*\n/)
  const url = signal.printed.out.trim()
  const token = (await ringmesh('token', '--key', key, '--room', 'shop').ended).out.trim()
  const where = ['--signal', url, '--room', 'shop', '--token', token]
  const tasks = fileURLToPath(new URL('./support/supervising-edge.mjs', import.meta.url))

  const edge = ringmesh('edge', ...where, '--tasks', tasks)
  await expect.poll(() => edge.printed.out, { timeout: 30_000 }).toMatch(/edge worker (\S+) is in room shop/)
  const id = /edge worker (\S+) /.exec(edge.printed.out)?.[1] ?? ''

  const status = await ringmesh('status', ...where).ended
  expect(status).toMatchObject({ code: 0, error: '' })
  expect(status.out).toContain('room shop: 1 peer, view ')
  expect(status.out).toMatch(new RegExp(`${id} +edge +alive +(direct|relay) .* 4 +100\\.0 %`))
  expect(status.out).toContain(`supervisors of ${id}`)
  expect(status.out).toMatch(/^ {4}counter {2}Counter, running$/m)

  const watch = ringmesh('status', ...where, '--watch', '--every', '0.2', '--json')
  await expect.poll(() => watch.printed.out.split('\n').length, { timeout: 30_000 }).toBeGreaterThan(3)
  const [first = ''] = watch.printed.out.split('\n')
  // The observer before this one may not be known to have left yet.
  expect(JSON.parse(first)).toMatchObject({
    room: 'shop',
    members: expect.arrayContaining([expect.objectContaining({ id, kind: 'edge', share: 1 })]),
  })
  watch.child.kill('SIGTERM')
  expect((await watch.ended).code).toBe(0)

  // As `| head -1` does.
  const read = ringmesh('status', ...where, '--watch', '--every', '0.2')
  await expect.poll(() => read.printed.out, { timeout: 30_000 }).not.toBe('')
  read.child.stdout.destroy()
  expect(await read.ended).toMatchObject({ code: 0, error: '' })

  edge.child.kill('SIGTERM')
  expect((await edge.ended).code).toBe(0)
  signal.child.kill('SIGTERM')
  expect((await signal.ended).code).toBe(0)
})

test('an edge worker whose module fails says so, and has left before it ends', async () => {
  const signal = ringmesh('signal', '--port', '0')
  await expect.poll(() => signal.printed.out).toMatch(/ws:.*\n/)
  const where = ['--signal', signal.printed.out.trim(), '--room', 'shop']
  const folder = mkdtempSync(join(tmpdir(), 'ringmesh-tasks-'))
  const tasks = join(folder, 'tasks.mjs')
  writeFileSync(tasks, `export default async () => { throw new Error('no such table') }`)
  const watch = ringmesh('status', ...where, '--watch', '--every', '0.1', '--json')
  await expect.poll(() => watch.printed.out).not.toBe('')
  const { code, out, error } = await ringmesh('edge', ...where, '--tasks', tasks).ended
  expect({ code, out, error }).toEqual({
    code: 1,
    out: '',
    error: `ringmesh: ${tasks} failed: no such table\n`,
  })
  const states = (): Set<string> =>
    new Set(
      watch.printed.out
        .split('\n')
        .slice(0, -1)
        .flatMap((line) => (JSON.parse(line).members as { state: string }[]).map(({ state }) => state)),
    )
  // Whoever says goodbye is forgotten at once; nobody was suspected or declared dead.
  const after = watch.printed.out.length
  await expect.poll(() => watch.printed.out.slice(after)).toContain('"members":[]')
  expect([...states()].filter((state) => ['suspect', 'dead'].includes(state))).toEqual([])
  rmSync(folder, { recursive: true })
})

test('an edge worker that is alone and told to end keeps what its placed processes have come to', async () => {
  const signal = ringmesh('signal', '--port', '0')
  await expect.poll(() => signal.printed.out).toMatch(/ws:.*\n/)
  const folder = mkdtempSync(join(tmpdir(), 'ringmesh-kept-'))
  const tasks = fileURLToPath(new URL('./support/counting-edge.mjs', import.meta.url))
  const where = ['--signal', signal.printed.out.trim(), '--room', 'shop', '--data', folder, '--tasks', tasks]
  for (const [index, by] of (['SIGTERM', 'SIGINT', 'SIGTERM'] as const).entries()) {
    const edge = ringmesh('edge', ...where)
    await expect.poll(() => edge.printed.out, { timeout: 30_000 }).toMatch(/is in room shop/)
    expect(edge.printed.out).toMatch(new RegExp(`^start ${index + 1}$`, 'm'))
    edge.child.kill(by)
    expect(await edge.ended).toMatchObject({ code: 0, error: '' })
  }
  rmSync(folder, { recursive: true })
})

test('an edge worker says once that its signalling server is away, and once that it is back', async () => {
  // One that no connection takes while nobody listens.
  const port = `${await freePort()}`
  const signal = ringmesh('signal', '--port', port)
  await expect.poll(() => signal.printed.out).toMatch(/ws:.*\n/)
  const edge = ringmesh('edge', '--signal', `ws://127.0.0.1:${port}`, '--room', 'shop')
  await expect.poll(() => edge.printed.out, { timeout: 30_000 }).toMatch(/is in room shop/)
  signal.child.kill('SIGKILL')
  const away = 'ringmesh: the signalling server is away: trying again, and going on without it\n'
  await expect.poll(() => edge.printed.error, { timeout: 30_000 }).toBe(away)
  const again = ringmesh('signal', '--port', port)
  await expect.poll(() => again.printed.out).toMatch(/ws:.*\n/)
  const back = 'ringmesh: the signalling server is back\n'
  await expect.poll(() => edge.printed.error, { timeout: 60_000 }).toBe(away + back)
  edge.child.kill('SIGTERM')
  expect(await edge.ended).toMatchObject({ code: 0, error: away + back })
})

test('ringmesh sim is quiet when piped, and prints one line a run', async () => {
  const { code, out, error } = await ringmesh('sim', '--seed', '7', '--nodes', '4', '--minutes', '1').ended
  expect({ code, error }).toEqual({ code: 0, error: '' })
  expect(out).toMatch(/^seed 7 {2}trace [0-9a-f]+ .*converged after .*\n$/)
})
