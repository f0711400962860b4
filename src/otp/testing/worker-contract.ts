import type { Runtime } from '../../runtime/index.js'
import { type ThreadPort, type ThreadPortEvents, transfer } from '../../threads/index.js'
import { ExitError, type ExitReason } from '../exit.js'
import { GenServer } from '../gen-server.js'
import type { ProcessRef } from '../ref.js'
import { Supervisor } from '../supervisor.js'
import { ProcessSystem } from '../system.js'
import { type WorkerOptions, worker } from '../worker.js'

/** The scripts that the contract needs, by the platform's own means; their sources are in `e2e/workers`. */
export type ContractScript = 'counter' | 'mute' | 'syntax' | 'missing'

export interface ContractPlatform {
  readonly runtime: Runtime
  readonly threads: (worker: unknown, events: ThreadPortEvents) => ThreadPort
  make(script: ContractScript): unknown
}

/**
 * What a worker process promises on every platform. The same cases run on `worker_threads` and, in
 * Chromium, on Web Workers.
 */
export const workerContract: readonly {
  readonly name: string
  run(platform: ContractPlatform): Promise<void>
}[] = [
  {
    name: 'it is ready only after expose has run, and then answers',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter', { args: { start: 5 } })
      equal(await system.call(ref, 'inc'), 6)
      equal(await system.call(ref, { any: new Map([[1, 'value']]) }), { any: new Map([[1, 'value']]) })
      await system.stop(ref)
      equal(system.size, 0)
    },
  },
  {
    name: 'messages that are sent before it is ready wait for it, in order',
    async run(platform) {
      const { system } = setting(platform)
      const starting = system.start(
        worker(() => platform.make('counter')),
        { name: 'early' },
      )
      const calls = [1, 2, 3].map(() => system.call('early', 'inc'))
      equal(await Promise.all(calls), [1, 2, 3])
      await system.stop(await starting)
    },
  },
  {
    name: 'init that throws fails the start',
    async run(platform) {
      const { start, system } = setting(platform)
      matches(await reasonOf(start('counter', { args: { fail: true } })), {
        type: 'error',
        message: 'init failed',
      })
      equal(system.size, 0)
    },
  },
  {
    name: 'a script that is missing is an exit named load',
    run: (platform) => failsToStart(platform, 'missing'),
  },
  {
    name: 'a script with a syntax error is an exit named load',
    run: (platform) => failsToStart(platform, 'syntax'),
  },
  {
    name: 'a script that never calls expose is an exit named load',
    run: (platform) => failsToStart(platform, 'mute'),
  },
  ...(
    [
      ['an uncaught throw', 'uncaught', { type: 'error', thread: 'uncaught' }],
      ['an unhandled rejection', 'rejection', { type: 'error', thread: 'rejection' }],
      ['closing itself', 'close', { type: 'error', thread: 'closed' }],
      ['an infinite loop', 'loop', { type: 'error', thread: 'hang' }],
    ] as const
  ).map(([what, message, reason]) => ({
    name: `${what} is an exit: named, seen by monitors, calls in flight reject at once, and it is respawned`,
    async run(platform: ContractPlatform) {
      const { system } = setting(platform)
      const tree = await Supervisor.start(system, {
        children: [{ id: 'it', name: 'it', start: worker(() => platform.make('counter'), fastHeartbeat) }],
      })
      const first = system.whereis('it') as ProcessRef
      const ended = new Promise<ExitReason>((resolve) => system.monitor(first, resolve))
      const inFlight = reasonOf(system.call(first, 'never', { timeout: 60_000 }))
      equal(await system.call(first, 'inc'), 1)
      system.cast(first, message)
      matches(await ended, reason)
      matches(await inFlight, reason)
      await until(
        platform,
        () => system.whereis('it') !== undefined && tree.children()[0]?.state === 'running',
      )
      equal(await system.call('it', 'inc'), 1)
      equal(tree.children()[0]?.restarts, 1)
      await tree.stop()
    },
  })),
  {
    name: 'the name, message and stack of what was thrown arrive',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const ended = new Promise<ExitReason>((resolve) => system.monitor(ref, resolve))
      system.cast(ref, 'rejection')
      const reason = await ended
      matches(reason, { name: 'RangeError', message: 'nobody handles this' })
      if (reason.type !== 'error' || !reason.stack?.includes('RangeError')) throw new Error('no stack')
    },
  },
  {
    name: 'a handler that throws ends it with what it threw',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      matches(await reasonOf(system.call(ref, 'throw')), {
        type: 'error',
        name: 'TypeError',
        message: 'on request',
      })
      await until(platform, () => !system.alive(ref))
    },
  },
  {
    name: 'an answer that cannot be cloned is an exit named unclonable',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      matches(await reasonOf(system.call(ref, 'function')), { type: 'error', thread: 'unclonable' })
      equal(system.alive(ref), false)
    },
  },
  {
    name: 'a request that cannot be cloned is the caller’s error, and those beside it arrive',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const [before, bad, after] = [
        system.call(ref, 'inc'),
        reasonOf(system.call(ref, () => 1)),
        system.call(ref, 'inc'),
      ]
      equal([await before, await after], [1, 2])
      matches(await bad, { type: 'error', name: 'DataCloneError' })
      await system.stop(ref)
    },
  },
  {
    name: 'brutal_kill terminates it in the middle of a loop',
    async run(platform) {
      const { system } = setting(platform)
      const tree = await Supervisor.start(system, {
        children: [
          {
            id: 'it',
            name: 'it',
            start: worker(() => platform.make('counter'), { heartbeat: false }),
            shutdown: 'brutal_kill',
          },
        ],
      })
      const ended = new Promise<ExitReason>((resolve) => system.monitor('it', resolve))
      system.cast('it', 'loop')
      await tree.stop('normal', { timeout: 2_000 })
      equal(await ended, { type: 'killed' })
    },
  },
  {
    name: 'shutdown: terminate runs where exits are trapped, and a loop is killed when the time is up',
    async run(platform) {
      const { system } = setting(platform)
      const spec = (id: string) => ({
        id,
        name: id,
        start: worker(() => platform.make('counter'), { heartbeat: false, args: { trap: true } }),
        shutdown: 300,
      })
      const tree = await Supervisor.start(system, { children: [spec('good'), spec('stuck')] })
      const [good, stuck] = ['good', 'stuck'].map(
        (name) => new Promise<ExitReason>((resolve) => system.monitor(name, resolve)),
      )
      system.cast('stuck', 'loop')
      await tree.stop()
      equal(await stuck, { type: 'killed' })
      equal(await good, { type: 'shutdown' })
    },
  },
  {
    name: 'stop from inside: what it returned is answered, and it ends normally',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const ended = new Promise<ExitReason>((resolve) => system.monitor(ref, resolve))
      equal(await system.call(ref, 'stop'), 'stopping')
      equal(await ended, { type: 'normal' })
    },
  },
  {
    name: 'reply later',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const waiting = system.call(ref, 'later')
      system.cast(ref, 'answer')
      equal(await waiting, 'later')
      await system.stop(ref)
    },
  },
  {
    name: 'a call times out and the late answer is dropped',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      matches(await reasonOf(system.call(ref, 'later', { timeout: 30 })), { type: 'timeout' })
      system.cast(ref, 'answer')
      equal(await system.call(ref, 'echo'), 'echo')
      await system.stop(ref)
    },
  },
  {
    name: 'links work across the thread',
    async run(platform) {
      class Watcher extends GenServer {
        reasons: string[] = []
        override init() {
          this.trapExit = true
        }
        override handleInfo(message: { type: string; reason?: ExitReason }) {
          if (message.reason !== undefined) this.reasons.push(message.reason.type)
        }
        override handleCall() {
          return this.reasons
        }
      }
      const { system, start } = setting(platform)
      const watcher = await system.start(Watcher)
      const first = await start('counter')
      system.link(watcher, first)
      system.exit(first, 'killed')
      const second = await start('counter')
      system.link(watcher, second)
      system.cast(second, 'uncaught')
      await until(platform, () => !system.alive(second))
      equal(await system.call(watcher, 'reasons'), ['killed', 'error'])
      const third = await start('counter')
      system.link(watcher, third)
      system.exit(watcher, 'killed')
      equal(system.alive(third), false)
    },
  },
  {
    name: 'killed, passed on by a link, is trapped across the thread; sent as a signal it is not',
    async run(platform) {
      class Bystander extends GenServer {}
      const { system, start } = setting(platform)
      const trapping = await start('counter', { args: { trap: true } })
      const other = await system.start(Bystander)
      system.link(trapping, other)
      system.exit(other, 'killed')
      equal(await system.call(trapping, 'inc'), 1)
      system.exit(trapping, 'killed')
      equal(system.alive(trapping), false)
    },
  },
  {
    name: 'what is marked for transfer is moved, not copied',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const pixels = new Uint8Array(1024)
      const back = (await system.call(ref, transfer(pixels, [pixels.buffer]))) as Uint8Array
      equal([pixels.byteLength, back.byteLength], [0, 1024])
      await system.stop(ref)
    },
  },
  {
    name: '1,000 pipelined calls are answered in order',
    async run(platform) {
      const { system, start } = setting(platform)
      const ref = await start('counter')
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => system.call(ref, 'inc')))
      equal(
        answers,
        Array.from({ length: 1_000 }, (_, n) => n + 1),
      )
      await system.stop(ref)
    },
  },
]

const fastHeartbeat: WorkerOptions = { heartbeat: { every: 100, patience: 600 } }

function setting(platform: ContractPlatform) {
  const system = new ProcessSystem({ runtime: platform.runtime, threads: platform.threads })
  const start = (
    script: ContractScript,
    options: WorkerOptions = {},
    timeout = 10_000,
  ): Promise<ProcessRef> =>
    system.start(
      worker(() => platform.make(script), options),
      { timeout },
    )
  return { system, start }
}

async function failsToStart(platform: ContractPlatform, script: ContractScript): Promise<void> {
  const { system, start } = setting(platform)
  matches(await reasonOf(start(script, {}, script === 'mute' ? 500 : 10_000)), {
    type: 'error',
    thread: 'load',
  })
  equal(system.size, 0)
}

async function reasonOf(promise: Promise<unknown>): Promise<ExitReason> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ExitError) return error.reason
    throw error
  }
  throw new Error('it was not rejected')
}

async function until({ runtime }: ContractPlatform, condition: () => boolean): Promise<void> {
  const end = runtime.now() + 5_000
  while (!condition()) {
    if (runtime.now() > end) throw new Error('the condition did not come true in 5,000 ms')
    await new Promise<void>((resolve) => void runtime.timer(5, resolve))
  }
}

function equal(actual: unknown, expected: unknown): void {
  if (show(actual) !== show(expected)) throw new Error(`expected ${show(expected)}, got ${show(actual)}`)
}

function matches(actual: object, expected: object): void {
  for (const [key, value] of Object.entries(expected)) {
    if (show((actual as Record<string, unknown>)[key]) !== show(value)) {
      throw new Error(`expected ${show(expected)}, got ${show(actual)}`)
    }
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part instanceof Map ? ['Map', ...part] : part)) ?? 'undefined'
}
