/**
 * The entry `ringmesh/playwright`: a cluster of real tabs and edge workers for your own tests.
 *
 * @example
 * ```ts
 * import { expect, test } from 'ringmesh/playwright'
 *
 * test('survives a crash', async ({ cluster }) => {
 *   const [a, b] = await cluster.tabs(3)
 *   await a.evaluate((mesh) => mesh.store('s').put('k', 1))
 *   await b.crash()
 *   await cluster.settled()
 *   expect(await a.evaluate((mesh) => mesh.store('s').get('k'))).toBe(1)
 * })
 * ```
 *
 * @module
 */
import { test as base } from '@playwright/test'
import { Cluster, type ClusterOptions } from './cluster.js'

export { expect } from '@playwright/test'
export type { Cluster, ClusterOptions } from './cluster.js'
export type { Edge } from './edge.js'
export type { Peer } from './peer.js'
export type { SignalControl } from './signal-control.js'
export type { Tab } from './tab.js'

/** Playwright's `test`, with a `cluster` for each test; `test.use({ ringmesh: {…} })` sets its options. */
export const test = base.extend<{ ringmesh: ClusterOptions; cluster: Cluster }>({
  ringmesh: [{}, { option: true }],
  cluster: async ({ context, ringmesh }, use, testInfo) => {
    const cluster = await Cluster.start(context, ringmesh)
    await use(cluster)
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('ringmesh', { body: await cluster.report(), contentType: 'application/json' })
      await testInfo.attach('ringmesh-trace', { body: cluster.trace, contentType: 'text/plain' })
    }
    await cluster.stop()
  },
})
