import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ProcessRef, type ProcessSystem, type SystemInfo, sameProcess } from './index.js'
import { Actor } from './testing/actor.js'
import { MeshWorld } from './testing/mesh-world.js'
import { type ModelReason, SignalModel } from './testing/signal-model.js'
import { World } from './testing/world.js'

const count = 4

type Operation =
  | { readonly op: 'link' | 'unlink' | 'monitor'; readonly by: number; readonly to: number }
  | { readonly op: 'exit'; readonly by: number; readonly to: number; readonly reason: ModelReason }
  | { readonly op: 'trap'; readonly by: number; readonly traps: boolean }
  | { readonly op: 'stop'; readonly by: number; readonly reason: 'normal' | 'shutdown' }

const process = fc.nat({ max: count - 1 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('link'), by: process, to: process }) },
  fc.record({ op: fc.constantFrom('unlink', 'monitor'), by: process, to: process }),
  fc.record({
    op: fc.constant('exit'),
    by: process,
    to: process,
    reason: fc.constantFrom<ModelReason>('normal', 'shutdown', 'error', 'kill'),
  }),
  fc.record({ op: fc.constant('trap'), by: process, traps: fc.boolean() }),
  fc.record({ op: fc.constant('stop'), by: process, reason: fc.constantFrom('normal', 'shutdown') }),
)

const act = (operation: Operation, system: ProcessSystem, refs: readonly ProcessRef[]) => (actor: Actor) => {
  if (operation.op === 'trap') actor.trapExit = operation.traps
  else if (operation.op === 'stop') actor.stop(operation.reason)
  else if (operation.op === 'exit')
    system.exit(
      refs[operation.to] as ProcessRef,
      operation.reason === 'error' ? new Error('told') : operation.reason,
    )
  else actor[operation.op](refs[operation.to] as ProcessRef)
}

const apply = (operation: Operation, model: SignalModel): void => {
  if (!model.at(operation.by).alive) return
  if (operation.op === 'trap') model.trap(operation.by, operation.traps)
  else if (operation.op === 'stop') model.end(operation.by, operation.reason)
  else if (operation.op === 'exit') model.exit(operation.by, operation.to, operation.reason)
  else model[operation.op](operation.by, operation.to)
}

/** RINGMESH_SIGNAL_RUNS=10000 tries so many others. */
const many = globalThis.process.env.RINGMESH_SIGNAL_RUNS
const runs = many === undefined ? { numRuns: 100, seed: 1 } : { numRuns: Number(many) }

async function compare(
  systems: readonly ProcessSystem[],
  settle: () => Promise<void>,
  operations: readonly Operation[],
): Promise<void> {
  const model = new SignalModel(count)
  const actors: { actor?: Actor }[] = Array.from({ length: count }, () => ({}))
  const systemAt = (index: number) => systems[index % systems.length] as ProcessSystem
  const starting = actors.map((args, index) => systemAt(index).start(Actor, { args }))
  await settle()
  const refs = await Promise.all(starting)
  const ended: (string | undefined)[] = refs.map(() => undefined)
  for (const [index, ref] of refs.entries())
    systemAt(index).monitor(ref, ({ type }) => {
      ended[index] = type
    })
  const indexOf = (ref: unknown) => refs.findIndex((each) => sameProcess(each, ref as ProcessRef))
  const words = (message: SystemInfo): string => {
    if (message.type === 'exit') return `exit ${indexOf(message.from)} ${message.reason.type}`
    return message.type === 'down' ? `down ${indexOf(message.ref)} ${message.reason.type}` : message.type
  }
  for (const operation of operations) {
    apply(operation, model)
    systemAt(operation.by).cast(
      refs[operation.by] as ProcessRef,
      act(operation, systemAt(operation.by), refs),
    )
    await settle()
    expect(ended).toEqual(model.processes.map(({ reason }) => reason))
    // Signals of several processes come in any order.
    for (const [index, { alive, inbox }] of model.processes.entries())
      if (alive) expect(actors[index]?.actor?.told.map(words).sort()).toEqual([...inbox].sort())
  }
}

test('links, monitors and exit signals do what a model of Erlang’s reference manual does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      const world = new World()
      await compare([world.system], () => world.pass(), operations)
    }),
    runs,
  )
})

test('…and between the processes of three peers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      const world = new MeshWorld(['a', 'b', 'c'])
      await compare([world.at('a'), world.at('b'), world.at('c')], () => world.pass(40), operations)
    }),
    runs,
  )
})
