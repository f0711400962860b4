import { describe, expect, it } from 'vitest'
import { followPage, type Page } from './page-lifecycle.js'

class FakeDocument extends EventTarget {
  visibilityState: 'visible' | 'hidden' = 'visible'
}

function follow(visibilityState: 'visible' | 'hidden' = 'visible') {
  const document = new FakeDocument()
  document.visibilityState = visibilityState
  const window = new EventTarget()
  const page: Page = { document, window }
  const calls: string[] = []
  const stop = followPage(
    {
      park: () => calls.push('park'),
      unpark: () => calls.push('unpark'),
      woke: () => calls.push('woke'),
      goodbye: () => calls.push('goodbye'),
      returned: () => calls.push('returned'),
    },
    page,
  )
  const show = (state: 'visible' | 'hidden') => {
    document.visibilityState = state
    document.dispatchEvent(new Event('visibilitychange'))
  }
  const pageshow = (persisted: boolean) =>
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))
  return { document, window, calls, stop, show, pageshow }
}

describe('followPage', () => {
  it('parks a page that is hidden and brings it back when it is seen', () => {
    const { calls, show } = follow()
    show('hidden')
    show('visible')
    expect(calls).toEqual(['park', 'unpark'])
  })

  it('parks a page that starts in the background', () => {
    expect(follow('hidden').calls).toEqual(['park'])
  })

  it('parks before a freeze and asks what happened after it', () => {
    const { calls, document, show } = follow()
    document.dispatchEvent(new Event('freeze'))
    document.dispatchEvent(new Event('resume'))
    expect(calls).toEqual(['park', 'woke', 'unpark'])
    show('hidden')
    document.dispatchEvent(new Event('freeze'))
    document.dispatchEvent(new Event('resume'))
    expect(calls.slice(3)).toEqual(['park', 'park', 'woke'])
  })

  it('says goodbye on pagehide, and tells of a return from the back-forward cache only after one', () => {
    const { calls, window, pageshow } = follow()
    pageshow(false)
    pageshow(true)
    window.dispatchEvent(new Event('pagehide'))
    pageshow(true)
    expect(calls).toEqual(['goodbye', 'returned'])
  })

  it('hears nothing once it is told to stop', () => {
    const { calls, stop, show, document, window } = follow()
    stop()
    show('hidden')
    document.dispatchEvent(new Event('freeze'))
    window.dispatchEvent(new Event('pagehide'))
    expect(calls).toEqual([])
  })
})
