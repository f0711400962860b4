import { useEffect, useState } from 'preact/hooks'
import type { Supervisor } from '../../index.js'
import { call } from '../../index.js'
import { happened } from '../live.js'

type Children = Awaited<ReturnType<Supervisor['children']>>

/** Milliseconds between two looks at the tree: as often as a person can follow. */
const lookEvery = 250

/** This tab's supervision tree, and the button that crashes the worker in it. */
export function Supervision({ tree }: { tree: Supervisor }) {
  const [children, setChildren] = useState<Children>([])
  useEffect(() => {
    const look = setInterval(() => setChildren(tree.children()), lookEvery)
    return () => clearInterval(look)
  }, [tree])
  const compute = children.find(({ id }) => id === 'compute')
  const crash = (): void => {
    if (compute?.ref === undefined) return
    happened('asked this tab’s worker to crash')
    call(compute.ref, { type: 'crash' }).catch((error: Error) =>
      happened(`the worker exited: ${error.message}`),
    )
  }
  return (
    <section class="card" aria-label="Supervision tree">
      <header>
        <h2>Supervision tree of this tab</h2>
        <button
          type="button"
          class="danger"
          onClick={crash}
          disabled={compute?.state !== 'running'}
          data-testid="crash-worker"
        >
          Crash the worker
        </button>
      </header>
      <ul class="tree">
        <li>
          supervisor <span class="state">one_for_one</span>
          <ul>
            {children.map(({ id, kind, state, restarts }) => (
              <li key={id} data-child={id} data-state={state} data-restarts={restarts}>
                {id} <span class="state">{kind}</span> <span class={`state ${state}`}>{state}</span>{' '}
                <span class="figure">{restarts === 1 ? '1 restart' : `${restarts} restarts`}</span>
              </li>
            ))}
          </ul>
        </li>
      </ul>
    </section>
  )
}
