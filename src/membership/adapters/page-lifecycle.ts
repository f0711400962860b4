/** What a page's life does to its peer. A `MeshCore` is one. */
export interface PageListener {
  /** The page is hidden, or about to be frozen: say so while it still can. */
  park(): void
  /** The page is seen again. */
  unpark(): void
  /** The page ran nothing for a while, and runs again. */
  woke(): void
  /** The page goes: say goodbye before this returns, nothing runs after it. */
  goodbye(): void
  /** The page came back out of the back-forward cache, after its goodbye. */
  returned?(): void
}

/** The part of a page that is listened to; the default is the page itself. */
export interface Page {
  readonly document: EventTarget & { readonly visibilityState: 'visible' | 'hidden' }
  readonly window: EventTarget
}

/**
 * Tells a peer of the life of its page (WICG Page Lifecycle; HTML, "page visibility"):
 *
 * ```
 * visible ──hide──▶ hidden ──freeze──▶ frozen ──(discarded: no event)
 *    ▲  ◀──show──     │    ◀──resume──
 *    │             pagehide
 *    └──pageshow──  gone, or in the back-forward cache
 * ```
 *
 * A tab that is opened in the background starts hidden, so `park` may be called at once. `pagehide`
 * is the one event of going that all browsers fire, on telephones too; `unload` and `beforeunload`
 * are not, and listening to them bars the page from the back-forward cache. A machine that sleeps
 * fires nothing: membership sees that by the gap in its own time.
 *
 * @returns the function that stops listening
 *
 * @example
 * ```ts
 * const unfollow = followPage(core)
 * ```
 */
export function followPage(peer: PageListener, page: Page = globalThis as unknown as Page): () => void {
  const { document, window } = page
  let isGone = false

  const listening = new AbortController()
  const on = (target: EventTarget, type: string, listener: (event: Event) => void): void =>
    target.addEventListener(type, listener, { signal: listening.signal })

  on(document, 'visibilitychange', () => {
    if (document.visibilityState === 'hidden') peer.park()
    else peer.unpark()
  })
  // A page may be frozen without having been hidden before, as by the browser's own tools.
  on(document, 'freeze', () => peer.park())
  on(document, 'resume', () => {
    peer.woke()
    if (document.visibilityState === 'visible') peer.unpark()
  })
  on(window, 'pagehide', () => {
    // Also when the page goes into the back-forward cache: most that do never come back.
    isGone = true
    peer.goodbye()
  })
  on(window, 'pageshow', (event) => {
    if (!isGone || !(event as PageTransitionEvent).persisted) return
    isGone = false
    peer.returned?.()
  })
  if (document.visibilityState === 'hidden') peer.park()
  return () => listening.abort()
}
