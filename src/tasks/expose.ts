import { type InnerPort, serve, transfer, transferred } from '../threads/index.js'
import { Aborted } from './errors.js'
import { LazySignal } from './lazy-signal.js'
import { type TaskHandler, taskContext } from './runner.js'
import type { ThreadAbort, ThreadAnswer, ThreadProgress, ThreadRequest } from './thread-protocol.js'
import { describeThrown, toLinks } from './thrown.js'

/** Task functions by the names that `defineInWorker` gives them. */
export type TaskFunctions = Readonly<Record<string, TaskHandler<never>>>

/**
 * Serves task functions from inside a thread to the pool of the page that started it: one task at
 * a time, in the order they were sent. A result marked by `transfer(value, parts)` is moved.
 *
 * @param platform - the way out of the thread, which `ringmesh/worker` fills in
 */
export function exposeTasks(functions: TaskFunctions, { port }: { readonly port: InnerPort }): void {
  const waiting: { request: ThreadRequest; answer: (answer: ThreadAnswer) => void }[] = []
  let running: { readonly number: number; readonly abort: LazySignal } | undefined

  const home = serve(port, {
    failsUnclonable: true,
    start: (_, done) => done(Object.keys(functions)),
    call(request, _id, resolve) {
      waiting.push({ request: request as ThreadRequest, answer: resolve })
      work()
    },
    cast(message) {
      const [number, reason] = message as ThreadAbort
      if (running?.number === number) {
        running.abort.abort(new Aborted(reason))
        return
      }
      const index = waiting.findIndex(({ request }) => request[0] === number)
      const [entry] = index === -1 ? [] : waiting.splice(index, 1)
      entry?.answer(failure(new Aborted(reason)))
    },
  })

  /** Functions that answer at once are run in one go, so that their results leave as one message. */
  function work(): void {
    while (running === undefined) {
      const next = waiting.shift()
      if (next === undefined) return
      const { request, answer } = next
      const [number] = request
      running = { number, abort: new LazySignal() }
      const finish = (given: ThreadAnswer) => {
        running = undefined
        answer(given)
      }
      let result: unknown
      try {
        result = call(request, running.abort)
      } catch (error) {
        finish(failure(error))
        continue
      }
      if (!isPromiseLike(result)) {
        finish(success(result))
        continue
      }
      result.then(
        (value) => {
          finish(success(value))
          work()
        },
        (error: unknown) => {
          finish(failure(error))
          work()
        },
      )
      return
    }
  }

  function call([number, name, input, id, attempt, listened]: ThreadRequest, abort: LazySignal): unknown {
    const handler = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (handler === undefined) {
      const names = Object.keys(functions).join(', ')
      throw new TypeError(`the worker exposes no task named ${JSON.stringify(name)}, only: ${names}`)
    }
    const progress = (value: unknown) => {
      if (listened) home.event([number, value] satisfies ThreadProgress)
    }
    return handler(input as never, taskContext(abort, progress, attempt, id))
  }
}

function success(value: unknown): ThreadAnswer {
  const answer: ThreadAnswer = [true, value]
  const parts = transferred(value)
  return parts === undefined
    ? answer
    : (transfer(answer as unknown as object, parts) as unknown as ThreadAnswer)
}

function failure(error: unknown): ThreadAnswer {
  return [false, toLinks(describeThrown(error))]
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
