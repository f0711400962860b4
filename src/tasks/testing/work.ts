import type { TaskNetwork } from './task-network.js'

/** Defines `work` at each peer: takes so long, and tells which peer ran it. */
export function defineWork(network: TaskNetwork, ids: readonly string[], took: number, concurrency = 1) {
  for (const id of ids) {
    network.service(id).define(
      'work',
      async () => {
        await network.sleep(id, took)
        return id
      },
      { concurrency },
    )
  }
}

/** The values of a `map`, as they come. */
export async function collect<T>(results: AsyncIterable<{ index: number; value: T }>): Promise<T[]> {
  const values: T[] = []
  for await (const { value } of results) values.push(value)
  return values
}

/** How often each value is there. */
export function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

/** How a promise is rejected; fails when it is not. */
export async function failure(
  network: TaskNetwork,
  promise: Promise<unknown>,
): Promise<Error & Record<string, unknown>> {
  return network.until(
    promise.then(
      (value) => {
        throw new Error(`expected a rejection, got ${String(value)}`)
      },
      (error) => error,
    ),
  )
}

/** The gauges of a service that has nothing to do. */
export const idle = { queued: 0, placed: 0, running: 0, waiting: 0 }

/** Moves time on while somebody loops over `results`. */
export async function* drive<T>(network: TaskNetwork, results: AsyncIterator<T>): AsyncGenerator<T> {
  for (;;) {
    const step = await network.until(results.next())
    if (step.done) return
    yield step.value
  }
}
