import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import type { Heartbeat } from '../threads/index.js'
import { type Launcher, makeLauncher } from './child-spec.js'
import { WorkerProcess } from './worker-process.js'

/** How a process in its own thread is started and watched. */
export interface WorkerOptions {
  /** What the exposed class's `init` takes. */
  readonly args?: unknown
  /** How a hang is seen: asked every 2,000 ms, killed after 10,000 ms of silence. False for code that computes long. */
  readonly heartbeat?: Heartbeat | false
}

const positive = v.pipe(
  v.number('must be a number of milliseconds'),
  v.finite('must be finite'),
  v.minValue(1, 'must be 1 ms or more'),
)
const workerOptions = v.strictObject({
  args: v.optional(v.unknown()),
  heartbeat: v.optional(
    v.union(
      [v.literal(false), v.strictObject({ every: v.optional(positive), patience: v.optional(positive) })],
      'must be false or { every, patience } in milliseconds',
    ),
  ),
})

/** Scripts come over the network, so they get more time than a class that is loaded already. */
const defaultStartTimeout = 30_000

/**
 * A child that runs in its own thread: what the script of the worker exposes with `expose(Class)`.
 * Every way in which a thread can end is an exit that its supervisor sees: an uncaught throw, a
 * rejection, `self.close()`, a script that does not load, an answer that cannot be cloned, a hang.
 *
 * @param factory - makes the worker; called again for every restart
 *
 * @example
 * ```ts
 * { id: 'parser', start: worker(() => new Worker(new URL('./parser.ts', import.meta.url), { type: 'module' })) }
 * ```
 */
export function worker(factory: () => unknown, options: WorkerOptions = {}): Launcher {
  const { args, heartbeat } = checkOptions(workerOptions, options, 'worker') as WorkerOptions
  checkOptions(v.function('must be a function that makes a worker'), factory, 'worker.factory')
  return makeLauncher({
    kind: 'worker',
    label: 'worker',
    launch(system, launch, done) {
      const process = new WorkerProcess(system, system.newRef(), launch.parent?.ref)
      system.admit(process, launch, done, (begun) =>
        process.begin(
          {
            runtime: system.runtime,
            make: () => {
              const made = factory()
              return (events) => system.openThread(made, events)
            },
            args: launch.args ?? args,
            startTimeout: launch.timeout ?? defaultStartTimeout,
            heartbeat,
          },
          begun,
        ),
      )
    },
  })
}
