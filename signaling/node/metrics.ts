import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Registry } from 'prom-client'
import { refusalReasons, type SignalLimits, type Tally } from '../rooms/index.js'

/** What is measured when somebody asks. */
export interface Gauges {
  connections(): number
  unreadBytes(): number
  rooms(): number
  busConnected(): boolean
  draining(): boolean
  limits: SignalLimits
}

/** Counters of the tally and their names at Prometheus, with what they count. */
const counters = [
  ['connections', 'connections_total', 'Sockets accepted'],
  ['joins', 'joins_total', 'Peers let in'],
  ['leaves', 'leaves_total', 'Peers that said goodbye'],
  ['replaced', 'replaced_total', 'Sockets whose peer was back on a new one'],
  ['frames', 'frames_total', 'WebSocket frames read, pings and parts of messages included'],
  ['offers', 'offers_total', 'Offers, answers and candidates carried'],
  ['relayFrames', 'relay_frames_total', 'Relay frames carried'],
  ['relayBytes', 'relay_bytes_total', 'Bytes of relay frames carried'],
  ['unreachable', 'unreachable_total', 'Messages for somebody who is not there'],
  [
    'slowConsumers',
    'slow_consumers_total',
    'Peers cut off because they read too slowly (limit bufferedBytes)',
  ],
  [
    'cutForTotal',
    'slowest_consumers_total',
    'Peers cut off because all together read too slowly, and they the slowest (limit bufferedBytesTotal)',
  ],
  ['idle', 'idle_total', 'Peers cut off because nothing came any more (limit idleMilliseconds)'],
  ['expired', 'token_expiries_total', 'Peers put out because their token had expired'],
  ['busLosses', 'bus_losses_total', 'Times that the bus was lost'],
] as const satisfies readonly (readonly [keyof Tally, string, string])[]

/** Milliseconds between two looks at the event loop's delay. */
const delayResolution = 20

/** Milliseconds for which metrics are not collected again: Prometheus asks every 15 s. */
const freshness = 100

/** The metrics of one instance, for Prometheus to collect. */
export class Metrics {
  readonly #registry = new Registry()
  #collected: Promise<string> | undefined
  #collectedAt = 0
  readonly #delay = monitorEventLoopDelay({ resolution: delayResolution })

  constructor(tally: Tally, gauges: Gauges) {
    const registers = [this.#registry]
    for (const [key, name, help] of counters) {
      new Counter({
        name: `ringmesh_signal_${name}`,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(tally[key])
        },
      })
    }
    new Counter({
      name: 'ringmesh_signal_refusals_total',
      help: 'Peers and connections refused, by reason',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset()
        // Also those that there was none of: what appears with 1 has not increased, says Prometheus.
        for (const reason of refusalReasons) this.inc({ reason }, tally.refusals.get(reason) ?? 0)
      },
    })
    new Counter({
      name: 'ringmesh_signal_throttled_total',
      help: 'Times that a sender over its rate was made to wait, by limit',
      labelNames: ['limit'],
      registers,
      collect() {
        this.reset()
        this.inc({ limit: 'framesPerSecond' }, tally.throttledByFrames)
        this.inc({ limit: 'bytesPerSecond' }, tally.throttledByBytes)
        this.inc({ limit: 'framesPerSecondPerAddress' }, tally.throttledByAddress)
        this.inc({ limit: 'relayBytesPerSecond' }, tally.throttledByRoom)
      },
    })
    new Gauge({
      name: 'ringmesh_signal_limit',
      help: 'The limits of this instance, by name',
      labelNames: ['limit'],
      registers,
      collect() {
        for (const [limit, value] of Object.entries(gauges.limits)) this.set({ limit }, value)
      },
    })
    const delay = this.#delay
    const measured: [string, string, () => number][] = [
      ['ringmesh_signal_open_connections', 'Sockets open now', gauges.connections],
      ['ringmesh_signal_unread_bytes', 'Bytes that wait for peers to read them now', gauges.unreadBytes],
      ['ringmesh_signal_rooms', 'Rooms with a peer on this instance now', gauges.rooms],
      [
        'ringmesh_signal_bus_up',
        '1 while the bus to the other instances works',
        () => Number(gauges.busConnected()),
      ],
      ['ringmesh_signal_draining', '1 while this instance is about to stop', () => Number(gauges.draining())],
      ['process_resident_memory_bytes', 'Resident memory of the process', () => process.memoryUsage.rss()],
      [
        'nodejs_eventloop_lag_p99_seconds',
        'How late the event loop was, since the last collection',
        () => {
          const milliseconds = delay.percentile(99) / 1e6
          delay.reset()
          // What is measured is the time from one look to the next, the pause between them included.
          return Math.max(0, milliseconds - delayResolution) / 1e3
        },
      ],
    ]
    for (const [name, help, measure] of measured) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(measure())
        },
      })
    }
    this.#delay.enable()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Collected anew after {@link freshness} only: it takes some milliseconds, and anybody may ask. */
  text(): Promise<string> {
    const now = performance.now()
    if (this.#collected === undefined || now - this.#collectedAt > freshness) {
      this.#collectedAt = now
      this.#collected = this.#registry.metrics()
    }
    return this.#collected
  }

  close(): void {
    this.#delay.disable()
  }
}
