import { Outbox } from './outbox.js'
import { plainError } from './plain-error.js'
import type { InnerPort, PlainError, ThreadExitKind } from './port.js'
import { toPage, toThread } from './protocol.js'

/** What runs in a thread and answers its page. */
export interface ThreadService {
  /** Begins; `done` with what the page shall be told, `failed` with what went wrong: exactly one, at any time. */
  start(value: unknown, done: (value: unknown) => void, failed: (error: unknown) => void): void
  /** Answers a request; exactly one of `resolve` and `reject`, at any time. */
  call(
    request: unknown,
    id: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void
  cast(message: unknown): void
  /** True: an answer that cannot be cloned fails its call alone; otherwise it ends the thread. */
  readonly failsUnclonable?: boolean
  /** The asker of call `id` has given up. */
  cancel?(id: number): void
}

/** The way from a service in a thread to its page. */
export interface ThreadHome {
  /** Tells the page something of the service's own accord. */
  event(value: unknown): void
  /** Tells the page that this thread has nothing more to do; the page ends it. */
  exit(kind: ThreadExitKind, error: PlainError): void
}

/** Serves the page from inside a thread. Call it once, after the service's code is loaded. */
export function serve(port: InnerPort, service: ThreadService): ThreadHome {
  const exit = (kind: ThreadExitKind, error: PlainError): void => {
    outbox.flush()
    port.post([toPage.exit, 0, { ...error, kind }], [])
  }
  const outbox = new Outbox(
    (message, transfer) => port.post(message, transfer),
    false,
    (kind, id, thrown) => {
      if (kind === toPage.result && service.failsUnclonable) {
        outbox.push(toPage.failure, id, plainError(thrown))
      } else if (kind !== toPage.event || !service.failsUnclonable) exit('unclonable', plainError(thrown))
    },
  )
  port.listen({
    message(data) {
      if (!Array.isArray(data) || data.length % 3 !== 0) return
      for (let index = 0; index < data.length; index += 3) {
        const id = data[index + 1] as number
        const value: unknown = data[index + 2]
        switch (data[index] as number) {
          case toThread.start:
            service.start(
              value,
              (given) => outbox.push(toPage.started, 0, given),
              (error) => outbox.push(toPage.refused, 0, plainError(error)),
            )
            break
          case toThread.call:
            service.call(
              value,
              id,
              (result) => outbox.push(toPage.result, id, result),
              (error) => outbox.push(toPage.failure, id, plainError(error)),
            )
            break
          case toThread.cast:
            service.cast(value)
            break
          case toThread.cancel:
            service.cancel?.(id)
            break
          case toThread.ping:
            outbox.push(toPage.pong, 0, undefined)
            break
        }
      }
    },
    fault: (kind, error) => exit(kind, plainError(error)),
  })
  outbox.push(toPage.ready, 0, undefined)
  return { event: (value) => outbox.push(toPage.event, 0, value), exit }
}
