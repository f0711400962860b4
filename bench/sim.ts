/**
 * How good membership is, in virtual time, and how fast the simulator is, in real time. Figures of
 * virtual time are the same on every machine.
 */
import { uniformDelay } from '../src/sim/delays.js'
import { runScenario, scenarioOf } from '../src/sim/index.js'
import {
  bytesPerSecond,
  detectionTimes,
  falseDeaths,
  healTimes,
  idleCluster,
  type MeasureOptions,
  percentile,
} from '../src/sim/measurements.js'
import type { Bench, Figure, Table } from './table.js'

/** With ten healthy pages 2,200 node-hours: at the bound of 0.005 an hour there would be eleven deaths. */
const shownHours = 220
/** For a glance at the other network, which takes a twelfth of the time. */
const glimpsedHours = 20

/** Seconds of processor time that `work` takes: another process on the same core does not count. */
function processorSeconds(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

function seconds(name: string, milliseconds: number, atMost?: number): Figure {
  return { name, value: milliseconds / 1000, unit: 's', ...(atMost === undefined ? {} : { atMost }) }
}

function quantiles(name: string, times: readonly number[], p50?: number, p99?: number): Figure[] {
  return [
    seconds(`${name}, p50 of ${times.length}`, percentile(times, 0.5), p50),
    seconds(`${name}, p99`, percentile(times, 0.99), p99),
  ]
}

/** @param hours - simulated for the false deaths; half of the twenty pages are healthy */
function membership(
  title: string,
  network: Pick<MeasureOptions, 'network'>,
  hours: number,
  progress: (line: string) => void,
): Table {
  progress(`${title}: crashes with a hint`)
  const hinted = detectionTimes({ nodes: 20, crashes: 200, isHinted: true, ...network })
  progress(`${title}: silent losses`)
  const silent = detectionTimes({ nodes: 100, crashes: 60, isHinted: false, ...network })
  const silentOfFew = detectionTimes({ nodes: 5, crashes: 100, isHinted: false, ...network })
  progress(`${title}: splits`)
  const healed = healTimes({ nodes: 20, splits: 20, ...network })
  const healedOfMany = healTimes({ nodes: 100, splits: 3, ...network })
  progress(`${title}: freezing tabs`)
  const { deaths, healthyNodeHours } = falseDeaths({ nodes: 20, hours, ...network })
  progress(`${title}: bytes`)
  const bytes = bytesPerSecond({ nodes: 500, seconds: 20, ...network })
  return {
    title,
    figures: [
      {
        name: `false deaths a healthy node-hour, half of 20 tabs freezing 2–40 s (${deaths} in ${healthyNodeHours} h)`,
        value: deaths / healthyNodeHours,
        unit: '',
        atMost: 0.005,
      },
      ...quantiles('crash with a hint, known to all of 20', hinted, 1.5, 4),
      ...quantiles('silent loss, known to all of 100', silent, undefined, 22),
      ...quantiles('silent loss, known to all of 5', silentOfFew),
      ...quantiles('equal views of 20 after a 50/50 split heals', healed, undefined, 5),
      ...quantiles('equal views of 100 after a 50/50 split heals', healedOfMany, undefined, 5),
      { name: 'membership messages a peer of 500, as encoded', value: bytes, unit: 'B/s', atMost: 100 },
    ],
    notes: ['Virtual time: the same figures on every machine. All of it with 2 % loss.'],
  }
}

async function speed(progress: (line: string) => void): Promise<Table> {
  progress('speed of membership alone')
  idleCluster({ nodes: 100, hours: 0.5 })
  let nodeHours = 0
  let events = 0
  const used = processorSeconds(() => {
    for (let seed = 1; seed <= 2; seed++) {
      const run = idleCluster({ seed, nodes: 100, hours: 2 })
      nodeHours += run.nodeHours
      events += run.events
    }
  })
  progress('speed of whole runs')
  const start = performance.now()
  const runs = 50
  for (let seed = 1; seed <= runs; seed++) {
    await runScenario(scenarioOf({ world: 'membership', seed, nodes: 10, minutes: 3 }, 'some'))
  }
  const perRun = (performance.now() - start) / runs
  const meshStart = performance.now()
  const meshRuns = 3
  for (let seed = 1; seed <= meshRuns; seed++) {
    await runScenario(scenarioOf({ world: 'mesh', seed, nodes: 5, minutes: 1 }, 'some'))
  }
  const perMeshRun = (performance.now() - meshStart) / meshRuns
  return {
    title: 'Speed of the simulator',
    figures: [
      {
        name: 'membership alone at N = 100, node-hours a core-minute',
        value: Math.round((nodeHours / used) * 60),
        unit: '',
        atLeast: 5_000,
      },
      { name: 'events a core-second', value: events / used / 1e6, unit: 'M/s' },
      { name: 'a run of 10 nodes and 3 minutes with faults and all invariants', value: perRun, unit: 'ms' },
      { name: 'a run of the whole mesh, 5 nodes and 1 minute with faults', value: perMeshRun, unit: 'ms' },
    ],
    notes: ['Node-hours and events by processor time, runs by the clock on the wall.'],
  }
}

/** Membership judged in the simulator, and the simulator's own speed. */
export const bench: Bench = {
  about: 'membership in simulated clusters, and the speed of the simulator',
  async run(progress) {
    return [
      membership('Round trips of 40 to 800 ms with a long tail', {}, shownHours, progress),
      membership(
        'Round trips of 40 to 800 ms, all equally likely',
        { network: { loss: 0.02, delay: uniformDelay } },
        glimpsedHours,
        progress,
      ),
      await speed(progress),
    ]
  },
}
