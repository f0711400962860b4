import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LaunchOptions } from '@playwright/test'
import { chromium } from '@playwright/test'
import { WebSocket } from 'ws'

interface Answer {
  id?: number
  result?: object
  error?: { message: string }
}

/**
 * A browser that is driven by the DevTools protocol alone. Playwright has every page believe that it
 * has the focus, so that none is ever hidden, and Chromium freezes hidden pages only.
 */
export class BareBrowser {
  readonly #process: ChildProcess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #calls = 0

  static async launch({ executablePath, args = [] }: LaunchOptions): Promise<BareBrowser> {
    const profile = mkdtempSync(join(tmpdir(), 'ringmesh-browser-'))
    const options = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`]
    const process = spawn(executablePath ?? chromium.executablePath(), [...options, ...args, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, which ends as one: its renderers would outlive it, and go on writing into its profile.
      detached: true,
    })
    const url = await new Promise<string>((resolve, reject) => {
      let printed = ''
      process.stderr?.on('data', (chunk) => {
        printed += String(chunk)
        const found = /ws:\/\/\S+/.exec(printed)
        if (found) resolve(found[0])
      })
      process.once('exit', (code) => reject(new Error(`the browser ended with code ${code}: ${printed}`)))
    })
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return new BareBrowser(process, profile, socket)
  }

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process
    this.#profile = profile
    this.#socket = socket
    socket.on('message', (text) => {
      const answer = JSON.parse(String(text)) as Answer
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer)
    })
  }

  /** Opens a page in front of those before. */
  async open(url: string): Promise<BarePage> {
    const { targetId } = await this.call<{ targetId: string }>('Target.createTarget', { url })
    await this.call('Target.activateTarget', { targetId })
    const { sessionId } = await this.call<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    })
    return new BarePage(this, targetId, sessionId)
  }

  async call<Result>(method: string, params: object, sessionId?: string): Promise<Result> {
    const id = ++this.#calls
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
    this.#waiting.delete(id)
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
    return answer.result as Result
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    process.kill(-(this.#process.pid as number), 'SIGKILL')
    await gone
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** A page of a bare browser. */
export class BarePage {
  readonly #browser: BareBrowser
  readonly #target: string
  readonly #session: string

  constructor(browser: BareBrowser, target: string, session: string) {
    this.#browser = browser
    this.#target = target
    this.#session = session
  }

  /** What an expression is in the page, once it is settled; as JSON would have it. */
  async evaluate<Result>(expression: string): Promise<Result> {
    const { result, exceptionDetails } = await this.#browser.call<{
      result: { value: Result }
      exceptionDetails?: { exception?: { description?: string } }
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, this.#session)
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'an error in the page')
    return result.value
  }

  /** Brings the page to the front of its window. */
  async show(): Promise<void> {
    await this.#browser.call('Target.activateTarget', { targetId: this.#target })
  }

  /** The browser's own life-cycle control, which obeys only while another page is in front. */
  async setLifecycle(state: 'frozen' | 'active'): Promise<void> {
    await this.#browser.call('Page.setWebLifecycleState', { state }, this.#session)
  }
}
