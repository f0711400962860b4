import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AutoShutdown, Strategy } from './child-spec.js'
import { type ChildAnswer, type ChildSpec, ExitError, IGNORE, type Restart } from './index.js'
import { type ModelSpec, modelWindow, type StartScript, SupervisorModel } from './testing/supervisor-model.js'
import { fails, Setting } from './testing/tree.js'

type Operation =
  | { readonly op: 'kill'; readonly ids: readonly string[] }
  | { readonly op: 'finish' | 'terminate' | 'restart' | 'delete'; readonly id: string }
  | { readonly op: 'start'; readonly spec: ModelSpec }
  | { readonly op: 'pass'; readonly milliseconds: number }

const id = fc.constantFrom('a', 'b', 'c', 'd')
const spec: fc.Arbitrary<ModelSpec> = fc
  .record({
    id,
    restart: fc.constantFrom<Restart>('permanent', 'transient', 'temporary'),
    significant: fc.boolean(),
    starts: fc.array(fc.constantFrom<StartScript>('ok', 'ok', 'ok', 'fail', 'ignore'), { maxLength: 6 }),
  })
  .map((each) => ({ ...each, significant: each.significant && each.restart !== 'permanent' }))
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('kill'), ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }) }),
  fc.record({ op: fc.constantFrom('finish', 'terminate', 'restart', 'delete'), id }),
  fc.record({ op: fc.constant('start'), spec }),
  fc.record({ op: fc.constant('pass'), milliseconds: fc.constantFrom(1, 2_500, modelWindow) }),
)
const settings = fc.record({
  strategy: fc.constantFrom<Strategy>('one_for_one', 'one_for_all', 'rest_for_one'),
  autoShutdown: fc.constantFrom<AutoShutdown>('never', 'any_significant', 'all_significant'),
  maxRestarts: fc.integer({ min: 0, max: 6 }),
})

/** A spec as the supervisor takes it, whose starts do as their script says, over all its processes. */
function specsOf(set: Setting, autoShutdown: AutoShutdown): (spec: ModelSpec) => ChildSpec {
  const scripts = new Map<string, StartScript[]>()
  return ({ id, restart, significant, starts }) => {
    if (!scripts.has(id)) scripts.set(id, [...starts])
    const init = (): unknown => {
      const script = scripts.get(id)?.shift()
      if (script === 'fail') fails()
      return script === 'ignore' ? IGNORE : undefined
    }
    return set.child(id, { restart, init, significant: significant && autoShutdown !== 'never' })
  }
}

const wordOf = (answer: ChildAnswer): string => ('error' in answer ? answer.error : 'ok')

/** RINGMESH_SUPERVISOR_RUNS=10000 tries so many others. */
const many = process.env.RINGMESH_SUPERVISOR_RUNS
const runs = many === undefined ? { numRuns: 200, seed: 1 } : { numRuns: Number(many) }

test('a supervisor does, start by start and stop by stop, what a model of OTP’s supervisor.erl does', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.uniqueArray(spec, { selector: (each) => each.id, maxLength: 4 }),
      fc.array(operation, { maxLength: 25 }),
      async (setting, specs, operations) => {
        const model = new SupervisorModel(setting)
        const set = new Setting()
        const { world } = set
        const childOf = specsOf(set, setting.autoShutdown)
        const options = { ...setting, maxSeconds: modelWindow / 1_000 }
        const failed = model.begin(specs)
        const starting = set.tree(specs.map(childOf), options).catch((error: ExitError) => error)
        const tree = await starting
        expect(set.log).toEqual(model.log)
        if (tree instanceof ExitError) {
          expect(tree.reason).toMatchObject({ type: 'shutdown', detail: { failedToStart: failed } })
          return
        }
        expect(failed).toBeUndefined()
        const end = world.ended(tree.ref)
        for (const operation of operations) {
          switch (operation.op) {
            case 'kill':
              model.exits(operation.ids, false)
              for (const each of operation.ids) world.system.exit(each, 'kill')
              break
            case 'finish':
              model.exits([operation.id], true)
              await set.end(operation.id, 'normal')
              break
            case 'pass':
              model.pass(operation.milliseconds)
              break
            case 'start': {
              const added = world.until(tree.startChild(childOf(operation.spec)))
              expect(wordOf(await added)).toBe(model.start(operation.spec))
              break
            }
            default: {
              const done = world.until(tree[`${operation.op}Child`](operation.id))
              expect(wordOf(await done)).toBe(model[operation.op](operation.id))
            }
          }
          await world.pass(operation.op === 'pass' ? operation.milliseconds : 0)
          expect(set.log).toEqual(model.log)
          expect(set.states(tree)).toEqual(model.states)
          expect(end.reason?.type).toBe(model.over ? 'shutdown' : undefined)
          if (model.over) return
        }
      },
    ),
    runs,
  )
})
