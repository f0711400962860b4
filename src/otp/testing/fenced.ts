// biome-ignore lint/style/noRestrictedImports: tests only, as the fake cluster is; the room's door does not export it
import type { FakeNetwork } from '../../mesh/testing/fake-cluster.js'
import type { GenServerClass } from '../gen-server.js'
import { PlacedRef } from '../ref.js'
import { MeshWorld, Tally } from './mesh-world.js'

export const k = new PlacedRef('tally', 'k')

export interface FencedOptions {
  /** A kind of {@link Tally}. */
  readonly server?: GenServerClass
  /** Happens before the partition heals, both sides having counted. */
  readonly before?: (of: { world: MeshWorld; former: string }) => Promise<void>
  /** Happens in the moment of the fence. */
  readonly meanwhile?: (of: { former: string; network: FakeNetwork }) => void
}

/** A mesh in which `k` was counted on both sides of a partition, the moment the former of the two is fenced. */
export async function fenced({ server = Tally, before, meanwhile }: FencedOptions) {
  let onFenced = (): void => {}
  const world = new MeshWorld(['a', 'b', 'c'], {
    each: (system) => system.define('tally', server),
    trace: (_, event) => {
      if (event === 'placed.fence') onFenced()
    },
  })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  await world.pass(1_100)
  const former = world.network.cluster('a').ring.owner('k') as string
  const [other, third] = ['a', 'b', 'c'].filter((id) => id !== former) as [string, string]
  world.network.partition([[former], [other, third]])
  await world.pass(10_000)
  await world.until(world.at(former).call(k, 'inc'), 5_000)
  await world.until(world.at(other).call(k, 'inc'), 5_000)
  await before?.({ world, former })
  const happened = new Promise<void>((resolve) => {
    onFenced = () => {
      onFenced = () => {}
      meanwhile?.({ former, network: world.network })
      resolve()
    }
  })
  world.network.heal()
  await world.until(happened, 20_000)
  return { world, former, other, third }
}
