import type { Runtime } from '../runtime/index.js'
import { type InnerPort, serve, type ThreadHome } from '../threads/index.js'
import { ExitError, type ExitReason } from './exit.js'
import type { GenServerClass } from './gen-server.js'
import { LocalSystem } from './local-system.js'
import type { Process } from './process.js'
import { ProcessRef } from './ref.js'
import type { WorkerStarted } from './worker-process.js'
import type { FromServer, ToServer } from './worker-protocol.js'

/** Stands, inside the thread, for whoever started its process on the page. */
const pageParent = new ProcessRef('page', 'parent')

/**
 * Serves `Class` to the page that started this thread, as the process of its `worker(…)`.
 *
 * @param platform - the way out of the thread and its runtime, which `ringmesh/worker` fills in
 */
export function exposeServer(Class: GenServerClass, platform: { port: InnerPort; runtime: Runtime }): void {
  const system = new LocalSystem({ runtime: platform.runtime })
  let process: Process | undefined
  let trapping = false

  const tell = (message: FromServer): void => home.event(message)
  const checkTrap = (): void => {
    if (process === undefined || process.trapExit === trapping) return
    trapping = process.trapExit
    tell(['trap', trapping])
  }

  const home: ThreadHome = serve(platform.port, {
    start(args, done) {
      const server = new Class()
      const options = { args, timeout: Number.POSITIVE_INFINITY, parentRef: pageParent }
      system.launchServer(server, 'worker', options, (result) => {
        if (result.kind === 'ok') {
          process = result.process
          trapping = process.trapExit
          process.monitor((reason: ExitReason) => tell(['ended', reason]))
          done({ kind: 'ok', trapping } satisfies WorkerStarted)
        } else done(result satisfies WorkerStarted)
      })
    },
    call(request, _id, resolve, reject) {
      if (process === undefined) return
      system.request(process.ref, request, Number.POSITIVE_INFINITY, (outcome) => {
        checkTrap()
        if (outcome.ok) resolve(outcome.value)
        // When the process has ended the page learns it from `ended`, and rejects every call by it.
        else if (outcome.reason.type === 'error' && process?.alive) reject(new ExitError(outcome.reason))
      })
    },
    cast(message) {
      if (process === undefined) return
      const [kind] = message as ToServer
      const [, first, second, third] = message as readonly unknown[]
      if (kind === 'cast') system.cast(process.ref, first)
      else if (kind === 'info') system.send(process.ref, first)
      else if (kind === 'stop') process.deliver({ kind: 'stop', reason: first as ExitReason })
      else {
        const { peer, id } = first as ProcessRef
        // Never `killed` by itself, which ends the thread from outside: only what a link passed on.
        process.exited(third === true ? pageParent : new ProcessRef(peer, id), second as ExitReason)
      }
      checkTrap()
    },
  })
}
