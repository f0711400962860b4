import { afterEach, expect, it, vi } from 'vitest'
import { SharedCertificate } from './shared-certificate.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A platform that makes certificates, each of which ends so many milliseconds from now. */
function platform(...ends: number[]): { made: () => number } {
  let made = 0
  vi.stubGlobal('RTCPeerConnection', {
    generateCertificate: async () => ({ expires: Date.now() + (ends[made++] ?? 0) }),
  })
  return { made: () => made }
}

const month = 30 * 86_400_000

it('is made once, and given to every connection from then on', async () => {
  const { made } = platform(month)
  const shared = new SharedCertificate()
  expect(shared.configuration).toEqual({})
  expect(shared.configuration).toEqual({})
  await expect.poll(() => shared.configuration.certificates?.length).toBe(1)
  expect(shared.configuration.certificates).toEqual(shared.configuration.certificates)
  expect(made()).toBe(1)
})

it('is made anew before it ends', async () => {
  const { made } = platform(1_000, month)
  const shared = new SharedCertificate()
  await expect.poll(() => shared.configuration.certificates?.length).toBe(1)
  expect(made()).toBe(2)
})

it('is left to the connections where the platform makes none', () => {
  vi.stubGlobal('RTCPeerConnection', {})
  expect(new SharedCertificate().configuration).toEqual({})
  vi.stubGlobal('RTCPeerConnection', undefined)
  expect(new SharedCertificate().configuration).toEqual({})
})
