import type { Bus } from './bus.js'

/**
 * The bus of an instance that is alone: there is nobody to tell and nobody to wait for. To its
 * directory it is as a bus that is down, with which rooms go on within the instance.
 */
export class LoneBus implements Bus {
  readonly instance: string
  readonly connected = false

  constructor(instance: string) {
    this.instance = instance
  }

  start(): void {}
  open(): void {}
  close(): void {}
  announce(): void {}
  withdraw(): void {}
  remember(): void {}

  send(): boolean {
    return false
  }

  remembered(_key: string, settle: (answer: undefined) => void): void {
    settle(undefined)
  }

  stop(done: () => void): void {
    done()
  }
}
