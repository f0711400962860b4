import type { ComponentChildren } from 'preact'
import type { Member } from '../index.js'
import { noColour } from './colours.js'
import { type MeshObserver, percent } from './observer.js'
import { nameOfPeer } from './ring-picture.js'

export interface PeerTableProps {
  readonly observer: MeshObserver
  readonly nameOf?: (member: Member) => string
  /** One more cell a row, such as buttons. */
  readonly extra?: (member: Member) => ComponentChildren
}

/** Every peer in words and figures: what the picture shows, for those who would rather read. */
export function PeerTable({
  observer,
  nameOf = (member) => nameOfPeer(observer, member),
  extra,
}: PeerTableProps) {
  const colours = observer.colours.value
  const shares = observer.shares.value
  return (
    <table data-testid="peers">
      <thead>
        <tr>
          <th scope="col">peer</th>
          <th class="kind" scope="col">
            kind
          </th>
          <th scope="col">state</th>
          <th scope="col">link</th>
          <th scope="col" class="figure trip">
            rtt
          </th>
          <th scope="col" class="figure">
            share
          </th>
          {extra && (
            <th scope="col">
              <span class="unseen">choose</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {observer.members.value.map((member) => {
          const { id, kind, state, link, rtt } = member
          return (
            <tr key={id} data-peer={id} data-kind={kind} data-state={state}>
              <td>
                <span class="dot" style={{ background: colours.get(id) ?? noColour }} />
                {nameOf(member)}
              </td>
              <td class="kind">{kind}</td>
              <td class={`state ${state}`}>{state}</td>
              <td>{link}</td>
              <td class="figure trip">
                {rtt === undefined || link === 'self' ? '–' : `${rtt.toFixed(0)} ms`}
              </td>
              <td class="figure">{percent(shares.get(id) ?? 0)}</td>
              {extra && <td class="choice">{extra(member)}</td>}
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
