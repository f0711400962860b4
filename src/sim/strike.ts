import { seededRandom } from '../runtime/index.js'
import { type Fault, type FaultKind, formatFault } from './faults.js'
import type { ThawOrder } from './node-runtime.js'
import type { World } from './world.js'

/** Ends a fault that lasts. */
export type Heal = () => void

type Strike = (world: World, fault: Fault, chance: () => number, name: string) => Heal | undefined

/**
 * How long after a fault of the network nothing is promised about the nodes it struck: the longest
 * suspicion (12 s at N = 100, times four for want of confirmations) has run out by then.
 */
const excuseAfterNetworkFault = 60_000

/** How long a page that was asleep may still be believed dead by some after it woke. */
const excuseAfterSleep = 20_000

const thawOrders: readonly ThawOrder[] = ['due', 'timers-first', 'frames-first']

/**
 * Lets a fault happen to a world. All chance within comes from a row of the fault's own, forked by
 * what the fault is, so that the faults of a list do not shift each other.
 *
 * @param occurrence - how many equal faults came before it in the list
 * @returns what ends it, if it lasts
 */
export function strike(
  world: World,
  seed: string | number,
  fault: Fault,
  occurrence: number,
): Heal | undefined {
  const name = `${formatFault(fault)}#${occurrence}`
  return strikes[fault.kind](world, fault, seededRandom(`${seed}/fault/${name}`), name)
}

const strikes: Readonly<Record<FaultKind, Strike>> = {
  loss: (world, fault, chance) => {
    world.excuse(fault.duration + excuseAfterNetworkFault)
    return world.interfere((_from, _to, fate) => {
      if (chance() < fault.amount) fate.isDropped = true
    })
  },
  duplicate: (world, fault, chance) =>
    world.interfere((_from, _to, fate) => {
      if (chance() < fault.amount) fate.extraCopies++
    }),
  reorder: (world, fault, chance) =>
    // Half a second: past several frames of the same sender, within the probe's time-out.
    world.interfere((_from, _to, fate) => {
      if (chance() < fault.amount) fate.delay += chance() * 500
    }),
  tail: (world, fault, chance) => {
    world.excuse(fault.duration + excuseAfterNetworkFault)
    return world.interfere((_from, _to, fate) => {
      if (chance() < fault.amount) fate.delay += 1_000 + chance() * 9_000
    })
  },
  'one-way': (world, fault) => {
    const struck = new Set(fault.nodes)
    // Those who cannot be heard may be buried; those who are heard by all may not.
    world.excuse(fault.duration + excuseAfterNetworkFault)
    return world.cut((from) => struck.has(from))
  },
  split: (world, fault) => {
    const side = new Set(fault.nodes)
    world.excuse(fault.duration + excuseAfterNetworkFault)
    return world.cut((from, to) => side.has(from) !== side.has(to))
  },
  'link-failure': (world, fault) => {
    const [a, b] = fault.nodes
    if (a === undefined || b === undefined) return undefined
    world.failLink(a, b)
    return () => world.restoreLink(a, b)
  },
  'server-down': (world) => {
    world.serverDown()
    return () => world.serverUp()
  },
  'server-restart': (world) => {
    world.serverDown()
    return () => world.serverUp()
  },
  'server-lies': (world, fault, chance, name) => {
    let isLying = true
    let lies = 0
    const lie = (): void => {
      if (!isLying) return
      const nodes = world.up()
      const about = nodes[Math.floor(chance() * nodes.length)]
      if (about !== undefined) world.lieAbout(about)
      if (chance() < 0.2) world.introduceGhost(`${name}/${lies++}`)
      world.time.timer(fault.amount * (0.5 + chance()), lie)
    }
    lie()
    return () => {
      isLying = false
    }
  },
  crash: (world, fault) => once(fault, (node) => world.crash(node, true)),
  'silent-crash': (world, fault) => once(fault, (node) => world.crash(node, false)),
  close: (world, fault) => once(fault, (node) => world.close(node, true)),
  'close-without-left': (world, fault) => once(fault, (node) => world.close(node, false)),
  leave: (world, fault) => once(fault, (node) => world.leave(node)),
  hide: (world, fault) => {
    for (const node of fault.nodes) world.hide(node)
    return () => {
      for (const node of fault.nodes) world.show(node)
    }
  },
  freeze: (world, fault, chance) => {
    world.excuse(fault.duration + excuseAfterSleep, fault.nodes)
    for (const node of fault.nodes) world.freeze(node)
    return () => {
      for (const node of fault.nodes) world.thaw(node, thawOrder(chance), chance() < 0.5)
    }
  },
  stall: (world, fault, chance) => {
    world.excuse(fault.duration + excuseAfterSleep, fault.nodes)
    for (const node of fault.nodes) world.freeze(node)
    return () => {
      for (const node of fault.nodes) world.thaw(node, thawOrder(chance), false)
    }
  },
  'hide-and-freeze': (world, fault, chance) => {
    world.excuse(fault.duration + excuseAfterSleep, fault.nodes)
    for (const node of fault.nodes) world.hide(node)
    const timer = world.time.timer(Math.min(2_000, fault.duration / 2), () => {
      for (const node of fault.nodes) world.freeze(node)
    })
    return () => {
      timer.cancel()
      for (const node of fault.nodes) {
        world.thaw(node, thawOrder(chance), true)
        world.show(node)
      }
    }
  },
  'second-timers': (world, fault) => slowTimers(world, fault, 'second'),
  'minute-timers': (world, fault) => slowTimers(world, fault, 'minute'),
  discard: (world, fault, _chance, name) => {
    for (const node of fault.nodes) world.hide(node)
    // Pages are thrown away after a while in the background, never at once.
    const timer = world.time.timer(fault.duration / 2, () => {
      for (const node of fault.nodes) world.crash(node, true)
    })
    return () => {
      timer.cancel()
      for (const node of fault.nodes) {
        world.crash(node, true)
        world.join(`${name}/${node}`)
      }
    }
  },
  reload: (world, fault, _chance, name) =>
    once(fault, (node) => {
      world.close(node, true)
      world.join(`${name}/${node}`)
    }),
  'clock-jump': (world, fault) => once(fault, (node) => world.jumpWallClock(node, fault.amount)),
  'mass-join': (world, _fault, chance, name) => {
    const count = world.up().length
    for (let index = 0; index < count; index++) {
      world.time.timer(chance() * 1_000, () => world.join(`${name}/${index}`))
    }
    return undefined
  },
  'mass-leave': (world, fault, chance) => {
    for (const node of fault.nodes) {
      const saysLeft = chance() < 0.5
      world.time.timer(chance() * 1_000, () => world.close(node, saysLeft))
    }
    return undefined
  },
  hostile: (world, fault, chance) => {
    let isHostile = true
    const attack = (): void => {
      if (!isHostile) return
      for (const node of fault.nodes) {
        const others = world.up()
        const to = others[Math.floor(chance() * others.length)]
        if (to !== undefined && to !== node) world.sendHostile(node, to, chance)
      }
      world.time.timer(fault.amount, attack)
    }
    // A member may say of another what it likes, and its victims must have time to answer back.
    world.excuse(fault.duration + excuseAfterNetworkFault)
    attack()
    return () => {
      isHostile = false
      for (const node of fault.nodes) world.endHostile(node)
    }
  },
}

function once(fault: Fault, act: (node: number) => void): undefined {
  for (const node of fault.nodes) act(node)
  return undefined
}

function slowTimers(world: World, fault: Fault, mode: 'second' | 'minute'): Heal {
  for (const node of fault.nodes) world.setTimerMode(node, mode)
  return () => {
    for (const node of fault.nodes) world.setTimerMode(node, 'exact')
  }
}

function thawOrder(chance: () => number): ThawOrder {
  return thawOrders[Math.floor(chance() * thawOrders.length)] as ThawOrder
}
