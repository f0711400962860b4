import type { BrowserContext, CDPSession, Page } from '@playwright/test'
import type { Chaos, Mesh } from '../index.js'
import type { Peer } from './peer.js'
import { followMesh, type Trace } from './trace.js'

interface MeshWindow {
  mesh: Mesh
  chaos?: Chaos
  ringmeshTrace(what: string, about: string): void
}

/** A real tab, whose page is a peer. */
export class Tab implements Peer {
  readonly page: Page
  #id: string
  readonly #devtools: CDPSession
  readonly #trace: Trace
  #isThere = true

  /** @internal */
  static async open(context: BrowserContext, url: string, trace: Trace): Promise<Tab> {
    const page = await context.newPage()
    let tab: Tab | undefined
    const name = (): string => tab?.id ?? 'a tab'
    page.on('pageerror', (error) => trace.add(name(), 'uncaught', error.stack ?? error.message))
    page.on('console', (message) => {
      const type = message.type()
      if (type === 'error' || type === 'warning') trace.add(name(), type, message.text())
    })
    await page.exposeFunction('ringmeshTrace', (what: string, about: string) =>
      trace.add(name(), what, about),
    )
    const response = await page.goto(url)
    if (response !== null && response.status() >= 400)
      throw new Error(`the page at ${url} was answered with status ${response.status()}`)
    tab = new Tab(page, await joined(page), await context.newCDPSession(page), trace)
    await tab.#follow()
    return tab
  }

  private constructor(page: Page, id: string, devtools: CDPSession, trace: Trace) {
    this.page = page
    this.#id = id
    this.#devtools = devtools
    this.#trace = trace
    const gone = (): void => {
      this.#isThere = false
    }
    page.once('crash', gone)
    page.once('close', gone)
  }

  /** The peer's id; another one after a reload. */
  get id(): string {
    return this.#id
  }

  get isThere(): boolean {
    return this.#isThere
  }

  async evaluate<Result, Parameter = undefined>(
    body: (mesh: Mesh, parameter: Parameter) => Result | Promise<Result>,
    parameter?: Parameter,
  ): Promise<Result> {
    const mesh = await this.page.evaluateHandle(() => (window as unknown as MeshWindow).mesh)
    try {
      return (await mesh.evaluate(body as never, parameter as never)) as Result
    } finally {
      await mesh.dispose()
    }
  }

  /** Kills the renderer of the tab: no event is fired in the page, and nothing is sent. */
  async crash(): Promise<void> {
    this.#trace.add(this.id, 'is crashed')
    const crashed = new Promise<void>((resolve) => this.page.once('crash', () => resolve()))
    // The command itself is never answered: there is nobody left to answer it.
    this.#devtools.send('Page.crash').catch(() => {})
    await crashed
  }

  /** Loads the page anew; resolves when it is in the mesh again, as a new peer. */
  async reload(): Promise<void> {
    this.#trace.add(this.id, 'is reloaded')
    await this.page.reload()
    this.#id = await joined(this.page)
    await this.#follow()
  }

  /**
   * Stops all of the page's code for so many milliseconds, between the events `freeze` and `resume`,
   * as a browser does to a page in the background. It is done by the debugger: the browser's own
   * control freezes hidden pages only, and Playwright lets no page be hidden.
   */
  async freeze(milliseconds: number): Promise<void> {
    this.#trace.add(this.id, 'is frozen', `for ${milliseconds} ms`)
    await this.#dispatch('freeze')
    await this.#devtools.send('Debugger.enable')
    const paused = new Promise<void>((resolve) => this.#devtools.once('Debugger.paused', () => resolve()))
    await this.#devtools.send('Debugger.pause')
    await paused
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    await this.#devtools.send('Debugger.disable')
    await this.#dispatch('resume')
  }

  /** Has the page see itself hidden, as behind another tab; a headless browser hides none by itself. */
  async hide(): Promise<void> {
    await this.#setVisibility('hidden')
  }

  /** Has the page see itself visible again. */
  async show(): Promise<void> {
    await this.#setVisibility('visible')
  }

  async leave(): Promise<void> {
    this.#isThere = false
    this.#trace.add(this.id, 'leaves')
    await this.evaluate((mesh) => mesh.leave())
  }

  async cut(peers: readonly string[]): Promise<void> {
    this.#trace.add(this.id, 'is cut off', peers.length === 0 ? 'from nobody' : `from ${peers.join(', ')}`)
    await this.page.evaluate((ids) => {
      const { chaos } = window as unknown as MeshWindow
      if (chaos === undefined) throw new Error('this page offers no window.chaos to cut it off with')
      chaos.cut(ids)
    }, peers)
  }

  async #follow(): Promise<void> {
    await this.page.evaluate(`(${followMesh})(window.mesh, window.ringmeshTrace)`)
  }

  async #dispatch(event: 'freeze' | 'resume'): Promise<void> {
    await this.page.evaluate((type) => document.dispatchEvent(new Event(type)), event)
  }

  async #setVisibility(state: 'hidden' | 'visible'): Promise<void> {
    this.#trace.add(this.id, 'is made', state)
    await this.page.evaluate((visibilityState) => {
      Object.defineProperty(document, 'visibilityState', { value: visibilityState, configurable: true })
      Object.defineProperty(document, 'hidden', { value: visibilityState === 'hidden', configurable: true })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    }, state)
  }
}

/** The id of a page's peer, once it is in the mesh. */
async function joined(page: Page): Promise<string> {
  await page
    .waitForFunction(() => 'mesh' in window || 'meshError' in window)
    .catch((error: Error) => {
      throw new Error(
        `the page at ${page.url()} has put neither its mesh at window.mesh nor what went wrong at window.meshError: ${error.message}`,
      )
    })
  const failure = await page.evaluate(() => (window as unknown as { meshError?: string }).meshError)
  if (failure !== undefined) throw new Error(`the page at ${page.url()} did not join: ${failure}`)
  return page.evaluate(() => (window as unknown as MeshWindow).mesh.id)
}
