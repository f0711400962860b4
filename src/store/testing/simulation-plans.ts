import { gracefulFaults, type SimulationOptions } from './simulation-options.js'

/** Circumstances under which the state is simulated again and again, each time from another seed. */
export interface SimulationPlan {
  readonly title: string
  /** Of a million acknowledged writes so many may be lost, each of them with the crash of its last holder. */
  readonly lostPerMillion: number
  readonly options: Omit<SimulationOptions, 'seed'>
}

/** The crash of a peer every minute, and as many newcomers. */
const crashes = { faults: ['crash', 'join'], nodes: 8, faultEvery: 30_000, duration: 120_000 } as const

export const simulationPlans = {
  graceful: {
    title: 'no crash',
    lostPerMillion: 0,
    options: { faults: gracefulFaults },
  },
  crashes: {
    title: 'a crash every minute on 8 peers',
    lostPerMillion: 5,
    options: crashes,
  },
  disks: {
    title: 'that with two edge workers, three writes in ten durable',
    lostPerMillion: 5,
    options: { ...crashes, edges: 2 },
  },
  browsers: {
    title: 'a browser with all its pages crashes every minute, on 8 pages in 4 browsers',
    lostPerMillion: 5,
    options: { ...crashes, faults: ['browser', 'join', 'join'], faultEvery: 20_000, browsers: 4 },
  },
  /**
   * More crashes at once than there are copies to spare: what is promised is only that nothing else is
   * lost. Three of eight peers are all three owners of one key in 56; two strikes each find the
   * keys that were written by then.
   */
  outages: {
    title: 'three of 8 peers crash at one moment, every minute',
    lostPerMillion: 40_000,
    options: { ...crashes, faults: ['outage', 'join', 'join', 'join'], faultEvery: 15_000 },
  },
  /** Views that change often and are heard of late, with no copy to spare. */
  churn: {
    title: 'no crash, two copies, and views that change often and are heard of late',
    lostPerMillion: 0,
    options: {
      faults: ['join', 'leave', 'partition', 'park', 'lag'],
      nodes: 6,
      replicas: 2,
      faultEvery: 500,
      longestLag: 8_000,
      duration: 15_000,
    },
  },
  tombstones: {
    title: 'no crash, and deleted keys are forgotten after a minute',
    lostPerMillion: 0,
    options: { faults: gracefulFaults, tombstoneTime: 60_000, quiet: 150_000 },
  },
  absences: {
    title: 'peers that are away for longer than deleted keys are remembered',
    lostPerMillion: 5,
    options: {
      faults: ['away', 'away', 'join', 'leave', 'suspect', 'park', 'partition', 'crash'],
      nodes: 6,
      tombstoneTime: 20_000,
      duration: 400_000,
      faultEvery: 15_000,
      writeEvery: 500,
    },
  },
  /** Several pages may be away at once, so that a write is gone until they are back. */
  reloads: {
    title: 'pages that reload, and edge workers that crash',
    lostPerMillion: 5,
    options: { faults: [...gracefulFaults, 'reload'], edges: 2 },
  },
  hostile: {
    title: 'no crash, and a member that sends made-up frames',
    lostPerMillion: 0,
    options: {
      faults: [...gracefulFaults, ...Array.from({ length: 9 }, () => 'hostile' as const)],
      faultEvery: 750,
    },
  },
} as const satisfies Record<string, SimulationPlan>

export type PlanName = keyof typeof simulationPlans

/** The options of one run of a plan. Where a plan does not say how many peers there are, the seed does. */
export function planned(plan: PlanName, seed: number): SimulationOptions {
  return { nodes: 4 + (seed % 5), ...simulationPlans[plan].options, seed }
}
