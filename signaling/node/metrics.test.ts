import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, expect, it, vi } from 'vitest'
import { defaultLimits, Tally } from '../rooms/index.js'
import { Metrics } from './metrics.js'

vi.mock(import('node:perf_hooks'), async (original) => {
  const real = await original()
  return { ...real, monitorEventLoopDelay: vi.fn(real.monitorEventLoopDelay) }
})

afterEach(() => vi.resetAllMocks())

const gauges = {
  connections: () => 0,
  unreadBytes: () => 0,
  rooms: () => 0,
  busConnected: () => true,
  draining: () => false,
  limits: defaultLimits,
}

it.each([
  ['is idle', 20, '0'],
  ['is idle, by a clock that is a little coarse', 19.9, '0'],
  ['was held up for 130 ms', 150, '0.13'],
])(
  'tells how late the event loop is, without the pause between two looks at it: it %s',
  async (_what, milliseconds, seconds) => {
    vi.mocked(monitorEventLoopDelay).mockReturnValue({
      enable: () => true,
      disable: () => true,
      reset: () => {},
      // What Node measures is the time from one look to the next.
      percentile: () => milliseconds * 1e6,
    } as unknown as ReturnType<typeof monitorEventLoopDelay>)
    const metrics = new Metrics(new Tally(), gauges)
    const told = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await metrics.text())?.[1]
    metrics.close()
    expect(told).toBe(seconds)
  },
)
