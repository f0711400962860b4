import { describe, expect, it } from 'vitest'
import { FLAP_DELAY, FLAP_DELAY_LIMIT, FLAP_MEMORY, FLAPS_FREE } from './constants.js'
import { Damping } from './damping.js'

describe('Damping', () => {
  it('lets the first returns pass and doubles the wait of each further one, up to a limit', () => {
    const damping = new Damping()
    for (let count = 0; count < FLAPS_FREE; count++) expect(damping.returned(count)).toBe(0)
    expect(damping.returned(10)).toBe(FLAP_DELAY)
    expect(damping.returned(11)).toBe(2 * FLAP_DELAY)
    expect(damping.returned(12)).toBe(4 * FLAP_DELAY)
    for (let count = 0; count < 40; count++) damping.returned(13)
    expect(damping.returned(14)).toBe(FLAP_DELAY_LIMIT)
  })

  it('forgets one return each half minute', () => {
    const damping = new Damping()
    for (let count = 0; count < FLAPS_FREE + 2; count++) damping.returned(0)
    expect(damping.returned(3 * FLAP_MEMORY)).toBe(0)
    for (let count = 0; count < 50; count++) expect(damping.returned((4 + count) * FLAP_MEMORY)).toBe(0)
  })
})
