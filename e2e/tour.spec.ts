import type { TourFigures } from '../src/demo/tour.js'
import { expect, test } from './support/demo.js'

/** Milliseconds that the tour may take on a slow machine; on a fast one it takes a third. */
const tourTimeout = 240_000

test('the tour runs through, and nothing is lost on it', async ({ demo, context }, testInfo) => {
  test.setTimeout(tourTimeout)
  const page = await context.newPage()
  await page.goto(`${demo.url}?tour`)
  await expect(page.getByTestId('caption')).toContainText('This tab is a peer')
  const shown = page.getByTestId('tour-figures')
  await expect(shown.or(page.getByTestId('tour-failure'))).toBeAttached({ timeout: tourTimeout })
  await expect(page.getByTestId('tour-failure')).toHaveCount(0)
  const written = (await shown.textContent()) ?? ''
  await testInfo.attach('tour-figures.json', { body: written, contentType: 'application/json' })

  const figures = JSON.parse(written) as TourFigures
  expect(figures.peers).toBe(5)
  expect(figures.tiles).toMatchObject({ drawn: 96 })
  expect(figures.tiles.by).toBeGreaterThan(1)
  expect(figures.pixels.right).toBe(figures.pixels.painted)
  expect(figures.faults.map(({ fault }) => fault)).toEqual(['crash-worker', 'freeze', 'cut', 'heal', 'kill'])
  for (const sighting of figures.faults) {
    const { fault, failure, tasks, writes, detected = Number.NaN, settled = detected } = sighting
    await test.step(`${fault}: seen after ${Math.round(detected)} ms, settled after ${Math.round(settled)} ms`, () => {
      expect(failure).toBeUndefined()
      expect(tasks?.lost).toBe(0)
      expect(writes?.lost).toBe(0)
      // Figures of nothing would be true of nothing.
      expect(tasks?.of).toBeGreaterThan(10)
      expect(writes?.of).toBeGreaterThan(10)
      expect(detected).toBeGreaterThan(0)
      expect(settled).toBeGreaterThanOrEqual(detected)
      // Workers come and go without the ring. A peer that a starved machine takes for dead twice changes it more often
      // than once; each change moves the least that it can.
      if (fault === 'crash-worker') expect(sighting.ringChanges).toBeUndefined()
      else {
        expect(sighting.moved).toBeCloseTo(sighting.ideal ?? Number.NaN, 3)
        expect(sighting.ringChanges).toBeGreaterThanOrEqual(fault === 'freeze' ? 0 : 1)
        if (fault !== 'freeze') expect(sighting.moved).toBeGreaterThan(0)
      }
    })
  }
  const total = (count: (sighting: (typeof figures.faults)[number]) => number | undefined): number =>
    figures.faults.reduce((sum, sighting) => sum + (count(sighting) ?? 0), 0)
  expect(figures.tasksLost).toBe(total(({ tasks }) => tasks?.lost))
  expect(figures.writesLost).toBe(total(({ writes }) => writes?.lost))
})
