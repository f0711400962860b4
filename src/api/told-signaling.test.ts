import { expect, it } from 'vitest'
import { MemoryNetwork } from '../links/adapters/memory.js'
import { VirtualTime } from '../runtime/index.js'
import { toldSignaling } from './told-signaling.js'

it('tells once that the server is lost and once that it is back, and nothing of a first welcome', () => {
  const time = new VirtualTime(1)
  const network = new MemoryNetwork(time.runtime('network'), {})
  const told: string[] = []
  const heard: string[] = []
  const log = (level: string, message: string): void => void told.push(`${level}: ${message}`)
  const open = toldSignaling(network.signaling('room'), { log })
  open(
    { id: 'a', kind: 'edge', weight: 4, host: 'h' },
    {
      welcome: () => heard.push('welcome'),
      lost: () => heard.push('lost'),
      refused: () => {},
      joined: () => {},
      closed: () => {},
      offered: () => {},
      relayed: () => {},
      unreachable: () => {},
    },
  )
  time.advance(1_000)
  expect([heard, told]).toEqual([['welcome'], []])
  const away = 'info: the signalling server is away: trying again, and going on without it'
  const back = 'info: the signalling server is back'
  for (let times = 1; times <= 2; times++) {
    told.length = 0
    network.setServer(false)
    time.advance(60_000)
    expect(told).toEqual([away])
    network.setServer(true)
    time.advance(60_000)
    expect(told).toEqual([away, back])
  }
  expect(heard).toEqual(['welcome', 'lost', 'welcome', 'lost', 'welcome'])
})
