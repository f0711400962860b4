import type { CDPSession, Page } from 'playwright'

/** What the frames of a page cost while it was watched. */
export interface FrameCost {
  /** Milliseconds of the main thread a frame: everything that runs there, the mesh included. */
  readonly perFrame: number
  /** Frames a second. */
  readonly rate: number
  /** Milliseconds of the longest task of the main thread, waiting for a processor included; 0 where none passed 50. */
  readonly longest: number
}

/** Counts frames and long tasks in the page for some time. A text, as a bundler's helpers are not in the page. */
const watch = (milliseconds: number): string => `new Promise((resolve) => {
  let longest = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
  })
  observer.observe({ type: 'longtask' })
  const start = performance.now()
  let frames = 0
  const next = (now) => {
    frames++
    if (now - start < ${milliseconds}) return requestAnimationFrame(next)
    observer.disconnect()
    resolve({ frames, longest, seconds: (performance.now() - start) / 1000 })
  }
  requestAnimationFrame(next)
})`

/** Watches the frames of a page for some milliseconds. */
export async function watchFrames(page: Page, milliseconds: number): Promise<FrameCost> {
  await page.bringToFront()
  const devtools = await page.context().newCDPSession(page)
  // Time of the thread itself: what other processes of a busy machine take is not the page's.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const before = await threadTime(devtools)
  const { frames, longest, seconds } = await page.evaluate<{
    frames: number
    longest: number
    seconds: number
  }>(watch(milliseconds))
  const taken = (await threadTime(devtools)) - before
  await devtools.detach()
  return { perFrame: taken / frames, rate: frames / seconds, longest }
}

/** Milliseconds that the page's main thread has worked. */
async function threadTime(devtools: CDPSession): Promise<number> {
  const { metrics } = await devtools.send('Performance.getMetrics')
  return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN)
}
