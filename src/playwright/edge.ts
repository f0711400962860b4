import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Mesh } from '../index.js'
import type { Peer } from './peer.js'
import type { Trace } from './trace.js'

/** What the test tells an edge worker. */
export type EdgeRequest =
  | { readonly type: 'evaluate'; readonly id: number; readonly body: string; readonly parameter: unknown }
  | { readonly type: 'cut'; readonly id: number; readonly peers: readonly string[] }

/** What an edge worker tells the test. */
export type EdgeAnswer =
  | { readonly type: 'ready'; readonly peer: string }
  | { readonly type: 'trace'; readonly what: string; readonly about: string }
  | { readonly type: 'done'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }

/** The script of the process, beside this one in `dist`. */
const script = './playwright-edge.js'

/** Milliseconds that an edge worker has to be in the room. */
const startBound = 30_000

type Waiting = { resolve(value: unknown): void; reject(error: Error): void }

/** An edge worker in a process of its own. */
export class Edge implements Peer {
  readonly id: string
  readonly #child: ChildProcess
  readonly #waiting: Map<number, Waiting>
  readonly #trace: Trace
  #nextId = 0

  /** @internal */
  static async start(signal: string, room: string, data: string | undefined, trace: Trace): Promise<Edge> {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), [signal, room, data ?? ''], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    const waiting = new Map<number, Waiting>()
    let name = 'an edge worker'
    const id = await new Promise<string>((resolve, reject) => {
      const bound = setTimeout(() => reject(new Error('the edge worker did not join in time')), startBound)
      child.on('message', (answer: EdgeAnswer) => {
        if (answer.type === 'ready') {
          clearTimeout(bound)
          name = answer.peer
          resolve(answer.peer)
        } else if (answer.type === 'trace') trace.add(name, answer.what, answer.about)
        else if (answer.type === 'done') waiting.get(answer.id)?.resolve(answer.value)
        else waiting.get(answer.id)?.reject(new Error(answer.message))
      })
      child.once('exit', (code, signal) => {
        clearTimeout(bound)
        trace.add(name, 'ended', signal ?? `code ${code}`)
        const gone = new Error(`the edge worker ended with ${signal ?? `code ${code}`}`)
        reject(gone)
        for (const { reject } of waiting.values()) reject(gone)
      })
    })
    return new Edge(id, child, waiting, trace)
  }

  private constructor(id: string, child: ChildProcess, waiting: Map<number, Waiting>, trace: Trace) {
    this.id = id
    this.#trace = trace
    this.#child = child
    this.#waiting = waiting
  }

  get isThere(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected
  }

  async evaluate<Result, Parameter = undefined>(
    body: (mesh: Mesh, parameter: Parameter) => Result | Promise<Result>,
    parameter?: Parameter,
  ): Promise<Result> {
    return (await this.#ask({
      type: 'evaluate',
      id: this.#nextId++,
      body: String(body),
      parameter,
    })) as Result
  }

  /** SIGKILL: the process ends without a word. */
  async crash(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGSTOP, and SIGCONT after so many milliseconds. */
  async freeze(milliseconds: number): Promise<void> {
    this.#trace.add(this.id, 'is frozen', `for ${milliseconds} ms`)
    this.#child.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    this.#child.kill('SIGCONT')
    this.#trace.add(this.id, 'goes on')
  }

  /** SIGTERM: the worker drains, then leaves. */
  async leave(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async cut(peers: readonly string[]): Promise<void> {
    this.#trace.add(this.id, 'is cut off', peers.length === 0 ? 'from nobody' : `from ${peers.join(', ')}`)
    await this.#ask({ type: 'cut', id: this.#nextId++, peers })
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#trace.add(this.id, signal === 'SIGKILL' ? 'is crashed' : 'leaves')
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    this.#child.kill(signal)
    await gone
  }

  #ask(request: EdgeRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject })
      this.#child.send(request)
    }).finally(() => this.#waiting.delete(request.id))
  }
}
