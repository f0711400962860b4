import { type ExitReason, exposeServer, type From, GenServer, NO_REPLY } from '../../src/otp/index.js'
import { systemRuntime } from '../../src/runtime/index.js'
import { innerPort } from '../../src/threads/adapters/inner-port.js'

/** Counts, and does on request everything that can go wrong in a thread. */
class Counter extends GenServer {
  #n = 0
  #waiting: From[] = []

  override init(args: { start?: number; fail?: boolean; trap?: boolean } | undefined) {
    if (args?.fail) throw new Error('init failed')
    if (args?.trap) this.trapExit = true
    this.#n = args?.start ?? 0
  }

  override handleCall(request: unknown, from: From): unknown {
    switch (request) {
      case 'inc':
        return ++this.#n
      case 'echo':
        return 'echo'
      case 'never':
        return NO_REPLY
      case 'later':
        this.#waiting.push(from)
        return NO_REPLY
      case 'throw':
        throw new TypeError('on request')
      case 'function':
        return () => 1
      case 'stop':
        this.stop('normal')
        return 'stopping'
      default:
        return request
    }
  }

  override handleCast(message: unknown) {
    switch (message) {
      case 'answer':
        for (const from of this.#waiting.splice(0)) from.reply('later')
        return
      case 'uncaught':
        setTimeout(() => {
          throw new RangeError('nobody catches this')
        }, 0)
        return
      case 'rejection':
        void Promise.reject(new RangeError('nobody handles this'))
        return
      case 'close':
        if (typeof self !== 'undefined') self.close()
        else process.exit(0)
        return
      case 'loop':
        for (;;) this.#n++
    }
  }

  override async terminate(reason: ExitReason) {
    if (reason.type === 'shutdown') await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

exposeServer(Counter, { port: innerPort(), runtime: systemRuntime() })
