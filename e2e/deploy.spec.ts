import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { WebSocket } from 'ws'
import { freePort } from '../signaling/testing/free-port.js'
import { StartedProcesses } from './support/started-process.js'

// What the files in signaling/deploy say is run here with the built command line, word for word.

const root = fileURLToPath(new URL('..', import.meta.url))
const deploy = join(root, 'signaling/deploy')
const read = (file: string): string => readFileSync(join(deploy, file), 'utf8')
const dockerfile = read('Dockerfile')
const unit = read('ringmesh-signal.service')
const compose = read('compose.yaml')

const folder = mkdtempSync(join(tmpdir(), 'ringmesh-deploy-'))
const running = new StartedProcesses()

test.afterEach(() => running.kill())
test.afterAll(() => rmSync(folder, { recursive: true }))

type Variables = Readonly<Record<string, string>>

/** Starts a command in the repository's root, with nothing in its environment but what is given. */
function start(command: readonly string[], environment: Variables) {
  const [program = '', ...parameters] = command
  const node = ['node', '/usr/bin/node'].includes(program) ? process.execPath : program
  return running.start(node, parameters, { cwd: root, env: { ...environment } })
}

/** What a command says that its configuration is. */
async function configurationOf(command: readonly string[], environment: Variables) {
  const { printed, ended } = start([...command, '--print-config'], environment)
  expect(await ended, printed.error).toBe(0)
  return JSON.parse(printed.out)
}

/** What an instruction of the Dockerfile says, the last if there are several. */
const instruction = (name: string): string =>
  [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].at(-1)?.[1] ?? ''
const entryPoint: string[] = JSON.parse(instruction('ENTRYPOINT'))
const imageVariables = variables(instruction('ENV').split(' '))

function variables(assignments: readonly string[]): Variables {
  return Object.fromEntries(
    assignments.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  )
}

/** What the unit says of a setting. */
const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

test('the image runs what is built, listens where it says, and is healthy as long as it runs', async () => {
  for (const [, path = ''] of dockerfile.matchAll(/^COPY --from=build \/ringmesh\/(\S+)/gm)) {
    expect(existsSync(join(root, path)), path).toBe(true)
  }
  expect(readFileSync(join(root, 'vite.config.ts'), 'utf8')).toContain(
    /--mode (\w+)/.exec(dockerfile)?.[1] ?? '?',
  )
  const key = { RINGMESH_SIGNAL_KEY: 'k'.repeat(32) }
  const configuration = await configurationOf(entryPoint, { ...imageVariables, ...key })
  expect(configuration).toMatchObject({
    host: '0.0.0.0',
    port: Number(instruction('EXPOSE')),
    key: '(hidden)',
  })

  // Without a key it is open to nobody.
  const open = start(entryPoint, imageVariables)
  expect(await open.ended).toBe(2)
  expect(open.printed.error).toMatch(/^ringmesh: signal\.host: must be loopback unless a key is given/)

  const environment = { ...imageVariables, ...key, RINGMESH_SIGNAL_PORT: String(await freePort()) }
  const server = start(entryPoint, environment)
  await expect.poll(() => server.printed.out).toMatch(/^ws:.*\n/)
  const check: string[] = JSON.parse(/CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]')
  expect(await start(check, environment).ended).toBe(0)
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  expect(await start(check, environment).ended).toBe(1)
})

test('the image has all that the command line loads', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const loaded = new Set<string>()
  const seen = new Set<string>()
  const follow = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, found = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import)\s*\(?\s*["']([^"']+)["']/g,
    )) {
      if (found.startsWith('.')) follow(join(file, '..', found))
      else if (/^@?\w/.test(found) && !found.startsWith('node:'))
        loaded.add(
          found
            .split('/')
            .slice(0, found.startsWith('@') ? 2 : 1)
            .join('/'),
        )
    }
  }
  follow(join(root, 'dist/cli.js'))
  expect([...loaded]).toEqual(expect.arrayContaining(['commander', 'ws', 'redis', 'jose']))
  // The optional ones are left out of the image: an edge worker would use them, the server does not.
  const missing = [...loaded].filter((name) => !(name in dependencies))
  expect(missing.filter((name) => !['classic-level', 'node-datachannel'].includes(name))).toEqual([])
})

test('the composition starts two instances that it can reach, on the Redis and the TURN server beside them', async () => {
  const given: Variables = {
    RINGMESH_KEY: 'k'.repeat(64),
    TURN_SECRET: 's'.repeat(64),
    TURN_HOST: 'turn.example',
  }
  const filled = compose.replace(
    /\$\{(\w+)(?::\?[^}]*)?\}/g,
    (_all, name: string) => given[name] ?? `no ${name}`,
  )
  const environment = Object.fromEntries(
    [...filled.matchAll(/^ {4}(RINGMESH_SIGNAL_\w+): (.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
  const configuration = await configurationOf(entryPoint, { ...imageVariables, ...environment })
  expect(configuration).toMatchObject({
    key: '(hidden)',
    redis: 'redis://redis:6379',
    turn: {
      urls: ['turn:turn.example:3478', 'turn:turn.example:3478?transport=tcp'],
      secret: '(hidden)',
    },
  })
  expect(filled).not.toMatch(/\$\{|no [A-Z_]+/)
  expect(filled).toMatch(/^ {2}redis:$/m)
  // Whoever could come past the proxy would write an address of their own.
  expect(configuration.trustedProxies).toBe(1)
  const ports = [...compose.matchAll(/ports: \['(.*)'\]/g)].map(([, port]) => port)
  expect(ports).toEqual([9001, 9002].map((port) => `127.0.0.1:${port}:${configuration.port}`))
  for (const proxy of ['nginx.conf', 'Caddyfile'])
    expect(read(proxy).match(/127\.0\.0\.1:\d+/g)).toEqual(['127.0.0.1:9001', '127.0.0.1:9002'])
  expect(
    existsSync(
      join(deploy, /context: (\S+)/.exec(compose)?.[1] ?? '', /dockerfile: (\S+)/.exec(compose)?.[1] ?? ''),
    ),
  ).toBe(true)
  const grace = Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1])
  expect(grace * 1000).toBeGreaterThan(configuration.drainMilliseconds + 2_000)
})

test('coturn knows the flags that the composition gives it', () => {
  const known = spawnSync('turnserver', ['-h'], { encoding: 'utf8' }).stdout
  if (!known) {
    console.log('turnserver is not here: the flags of coturn are not checked')
    test.skip()
  }
  const flags = [...compose.matchAll(/^ +- (--[\w-]+)/gm)].map(([, flag = '']) => flag)
  expect(flags.length).toBeGreaterThan(8)
  expect(flags.filter((flag) => !new RegExp(`${flag}\\b(?!-)`).test(known))).toEqual([])
})

test('the unit starts it with the options and the key that lie where it says', async () => {
  const credentials = join(folder, 'credentials')
  mkdirSync(credentials)
  for (const [, name = '', file = ''] of unit.matchAll(/^LoadCredential=(\w+):\/etc\/ringmesh\/(.+)$/gm))
    writeFileSync(join(credentials, name), file === 'signal.key' ? `${'k'.repeat(44)}\n` : read(file))
  const environment = variables(setting('Environment').replaceAll('%d', credentials).split(' '))
  const command = setting('ExecStart')
    .replace('/opt/ringmesh/', '')
    .replace(/\$\{CREDENTIALS_DIRECTORY\}/, credentials)
    .split(' ')
  const configuration = await configurationOf(command, environment)
  expect(configuration).toMatchObject({ key: '(hidden)', origins: ['https://app.example'] })
  expect(Number(setting('LimitNOFILE'))).toBeGreaterThan(configuration.limits.connections)
  expect(Number(setting('TimeoutStopSec')) * 1000).toBeGreaterThan(configuration.drainMilliseconds + 2_000)
})

test('systemd understands the unit', () => {
  try {
    execFileSync('systemd-analyze', ['--version'])
  } catch {
    console.log('systemd-analyze is not here: the unit is not checked by it')
    test.skip()
  }
  const file = join(folder, 'ringmesh-signal.service')
  // The program that it starts has to be there, which node is, elsewhere.
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath))
  const said = execFileSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect(said).toBe('')
})

test('Prometheus fires each alert for its reason, and none when all is well', () => {
  const { stdout, stderr, status, error } = spawnSync('promtool', ['test', 'rules', 'alerts.test.yaml'], {
    cwd: deploy,
    encoding: 'utf8',
  })
  if (error !== undefined) {
    console.log('promtool is not here: the alerts are not tried')
    test.skip()
  }
  expect(status, stdout + stderr).toBe(0)
})

test('the text about running it names only flags that there are', async () => {
  const help = async (command: string): Promise<string> => {
    const { printed, ended } = start(['node', 'dist/cli.js', command, '--help'], {})
    await ended
    return printed.out
  }
  const [signal, token] = await Promise.all([help('signal'), help('token')])
  const options =
    read('README.md')
      .split(/^## /m)
      .find((part) => part.startsWith('Options')) ?? ''
  const told = [...options.matchAll(/`(--[\w-]+)`/g)].map(([, flag = '']) => flag)
  const known = [...signal.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = '']) => flag)
  expect([...new Set(told)].sort()).toEqual(known.filter((flag) => flag !== '--help').sort())
  const main = readFileSync(join(root, 'signaling/README.md'), 'utf8')
  for (const [line, command] of main.matchAll(/ringmesh (signal|token)\b.*$/gm)) {
    for (const [flag] of line.matchAll(/--[\w-]+/g))
      expect(command === 'signal' ? signal : token).toContain(flag)
  }
})

test('it goes on when nobody reads its log any more', async () => {
  const server = start(['node', 'dist/cli.js', 'signal', '--port', '0'], {})
  await expect.poll(() => server.printed.out).toMatch(/^ws:.*\n/)
  server.child.stderr.destroy()
  const at = server.printed.out.trim().replace('ws:', 'http:')
  // A refusal is a line in the log.
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => {
      const socket = new WebSocket(at.replace('http:', 'ws:'))
      socket.onopen = () => socket.send('no frame')
      socket.onclose = resolve
    })
  }
  expect((await fetch(`${at}/healthz`)).status).toBe(200)
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
})
