import { expect, test } from 'vitest'
import { Setting } from './testing/tree.js'

test('autoShutdown any_significant: the first significant end shuts the supervisor down', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b', { restart: 'transient', significant: true })], {
    autoShutdown: 'any_significant',
  })
  const seen = set.world.ended(tree.ref)
  await set.end('b', 'normal')
  expect(seen.reason).toEqual({ type: 'shutdown' })
  expect(set.log.slice(-1)).toEqual(['-a'])
})

test('autoShutdown all_significant: only the last significant end does', async () => {
  const set = new Setting()
  const significant = { restart: 'temporary', significant: true } as const
  const tree = await set.tree([set.child('a', significant), set.child('b', significant), set.child('c')], {
    autoShutdown: 'all_significant',
  })
  const seen = set.world.ended(tree.ref)
  await set.end('a', 'normal')
  expect(seen.reason).toBeUndefined()
  await set.kill('b')
  expect(seen.reason).toEqual({ type: 'shutdown' })
})

test('autoShutdown does not follow from terminateChild, nor from a crash that is restarted', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { restart: 'transient', significant: true })], {
    autoShutdown: 'any_significant',
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a running'])
  await set.world.until(tree.terminateChild('a'))
  expect(set.states(tree)).toEqual(['a stopped'])
})

test('autoShutdown does not follow from the stop of a significant child by the strategy', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b', { restart: 'transient', significant: true })], {
    autoShutdown: 'any_significant',
    strategy: 'one_for_all',
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a running', 'b running'])
})

test('autoShutdown of a nested supervisor that is significant goes on upwards', async () => {
  const set = new Setting()
  const leaf = set.child('leaf', { restart: 'temporary', significant: true })
  const tree = await set.tree(
    [
      set.child('beside'),
      {
        id: 'inner',
        restart: 'transient',
        significant: true,
        supervisor: { autoShutdown: 'any_significant', children: [leaf] },
      },
    ],
    { autoShutdown: 'all_significant' },
  )
  const seen = set.world.ended(tree.ref)
  await set.end('leaf', 'normal')
  expect(seen.reason).toEqual({ type: 'shutdown' })
  expect(set.world.system.size).toBe(0)
})

test('a permanent nested supervisor that shut itself down is started again', async () => {
  const set = new Setting()
  const leaf = set.child('leaf', { restart: 'temporary', significant: true })
  const tree = await set.tree([
    { id: 'inner', supervisor: { autoShutdown: 'any_significant', children: [leaf] } },
  ])
  await set.end('leaf', 'normal')
  expect(tree.children()).toMatchObject([{ state: 'running', restarts: 1 }])
})
