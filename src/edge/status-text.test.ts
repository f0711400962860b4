import { describe, expect, it } from 'vitest'
import { type Status, statusData, statusText } from './status-text.js'

const member = { host: 'h', weight: 1, state: 'alive', link: 'direct', rtt: 1.25 } as const
const status: Status = {
  room: 'shop',
  observer: 'me',
  view: 'beef',
  members: [
    { ...member, id: 'a', kind: 'tab' },
    { ...member, id: 'edge-1', kind: 'edge', weight: 4, state: 'suspect', link: 'relay', rtt: undefined },
    { ...member, id: 'me', kind: 'edge', weight: 0, link: 'self', rtt: 0 },
  ],
  ring: { share: (id) => ({ a: 0.2, 'edge-1': 0.8 })[id] ?? 0 },
  trees: [
    { peer: 'a', trees: [] },
    {
      peer: 'edge-1',
      trees: [
        {
          ...{ id: 'root', label: 'Supervisor', kind: 'supervisor', state: 'running', restarts: 0 },
          ref: 'edge-1/1',
          children: [
            {
              ...{ id: 'counter', label: 'Counter', kind: 'worker', state: 'restarting', restarts: 2 },
              ref: undefined,
              children: [],
            },
          ],
        },
      ],
    },
  ],
}

describe('status', () => {
  it('draws the members with their shares, and the trees, without the observer', () => {
    expect(statusText(status)).toBe(
      [
        'room shop: 2 peers, view beef',
        '',
        'peer    kind  state    link    rtt     weight  share',
        'a       tab   alive    direct  1.3 ms  1       20.0 %',
        'edge-1  edge  suspect  relay   -       4       80.0 %',
        '',
        'supervisors of edge-1',
        '  root  supervisor, running',
        '    counter  Counter, restarting, restarts: 2',
      ].join('\n'),
    )
  })

  it('says that nobody is there, and that nobody supervises', () => {
    expect(statusText({ ...status, members: status.members.slice(2) })).toBe('room shop: nobody is here')
    expect(statusText({ ...status, trees: [] })).toMatch(/\n\nno supervisors$/)
  })

  it('gives the same as data', () => {
    expect(statusData(status)).toMatchObject({
      room: 'shop',
      members: [
        { id: 'a', share: 0.2 },
        { id: 'edge-1', share: 0.8, state: 'suspect' },
      ],
      trees: [{ peer: 'a' }, { peer: 'edge-1' }],
    })
  })
})
