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
  time.advance(90)
  expect(company.isAbout).toBe(true)
  time.advance(10)
  expect(company.isAbout).toBe(false)
})

it('stays about between messages that come every 40 ms', () => {
  const time = new VirtualTime()
  const company = new Company(time.runtime())
  company.joined()
  for (let message = 0; message < 10; message++) {
    time.advance(39)
    if (message > 0) expect(company.isAbout).toBe(true)
    time.advance(1)
    company.joined()
  }
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
