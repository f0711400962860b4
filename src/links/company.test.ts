import { expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Company } from './company.js'

it('is about from the second message that follows soon upon another until a while after the last', () => {
  const time = new VirtualTime()
  const company = new Company(time.runtime())
  expect(company.isAbout).toBe(false)
  company.joined()
  expect(company.isAbout).toBe(false)
  time.advance(30)
  company.joined()
  expect(company.isAbout).toBe(true)
  time.advance(30)
  expect(company.isAbout).toBe(false)
})

it('is not about where single messages come now and then', () => {
  const time = new VirtualTime()
  const company = new Company(time.runtime())
  for (let message = 0; message < 10; message++) {
    company.joined()
    expect(company.isAbout).toBe(false)
    time.advance(60)
  }
})
