import { crash, expect, test } from './support/demo.js'
import { startScriptPages } from './support/script-pages.js'

/** Joins the room, and lets the page host a process and run a task. */
const joinAndDefine = (signal: string): string => `(async () => {
  window.mesh = await ringmesh.join({ signal: '${signal}', room: 'offline', persistence: false })
  class Tally extends ringmesh.GenServer {
    #count = 0
    init(_, snapshot) { this.#count = snapshot ?? 0 }
    handleCall(step) { return (this.#count += step) }
    snapshot() { return this.#count }
  }
  mesh.define('tally', Tally, { snapshotEvery: 0 })
  mesh.tasks.define('square', (n) => n * n)
})()`

const keys = 60

test('pages that have joined need no web server any more: the survivors of a crash take over state, processes and tasks', async ({
  demo,
  context,
}) => {
  const web = await startScriptPages()
  const tabs = []
  for (let index = 0; index < 3; index++) {
    const tab = await context.newPage()
    await tab.goto(web.url)
    await tab.evaluate(joinAndDefine(`${demo.url.replace('http', 'ws')}signal`))
    tabs.push(tab)
  }
  const [first] = tabs
  if (first === undefined) throw new Error('there should be tabs')
  for (const tab of tabs) await expect.poll(() => tab.evaluate('mesh.members().length')).toBe(3)
  await web.stop()
  await expect(fetch(web.url)).rejects.toThrow()

  await first.evaluate(`(async () => {
    const store = mesh.store('numbers', { replicas: 3, writes: 2 })
    for (let key = 0; key < ${keys}; key++) await store.put('key-' + key, key)
    const tally = await mesh.place('tally', 'room-42')
    window.counted = await ringmesh.call(tally, 1)
  })()`)
  expect(await first.evaluate('counted')).toBe(1)
  const owner = await first.evaluate("mesh.ring.owner('room-42')")
  const ids = await Promise.all(tabs.map((tab) => tab.evaluate('mesh.id')))
  const victim = tabs[ids.indexOf(owner)]
  if (victim === undefined) throw new Error('the owner should be one of the tabs')
  await crash(victim)

  for (const tab of tabs.filter((tab) => tab !== victim)) {
    await expect.poll(() => tab.evaluate('mesh.members().length')).toBe(2)
    const numbers = await tab.evaluate(`(async () => {
      const store = mesh.store('numbers', { replicas: 3, writes: 2 })
      const values = []
      for (let key = 0; key < ${keys}; key++) values.push(await store.get('key-' + key))
      return values
    })()`)
    expect(numbers).toEqual(Array.from({ length: keys }, (_, key) => key))
    // It runs again, on one that is there: a process answers only where its code is.
    const tally = "mesh.place('tally', 'room-42').then((ref) => ringmesh.call(ref, 1)).catch(String)"
    await expect.poll(() => tab.evaluate(tally)).toEqual(expect.any(Number))
    expect(await tab.evaluate("mesh.tasks.run('square', 7)")).toBe(49)
  }
})
