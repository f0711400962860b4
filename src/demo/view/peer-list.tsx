import { colours, members, shares, shortened } from '../live.js'

/** Every peer in words and figures: what the picture shows, for those who would rather read. */
export function PeerList({ self }: { self: string }) {
  return (
    <section class="card" aria-label="Peers">
      <header>
        <h2>Peers</h2>
      </header>
      <table data-testid="peers">
        <thead>
          <tr>
            <th>id</th>
            <th>kind</th>
            <th>state</th>
            <th>link</th>
            <th class="figure">rtt</th>
            <th class="figure">share</th>
          </tr>
        </thead>
        <tbody>
          {members.value.map(({ id, kind, state, link, rtt }) => (
            <tr key={id} data-peer={id} data-kind={kind} data-state={state}>
              <td>
                <span class="dot" style={{ background: colours.value.get(id) }} />
                <code>{shortened(id)}</code> {id === self && '(this tab)'}
              </td>
              <td>{kind}</td>
              <td class={`state ${state}`}>{state}</td>
              <td>{link}</td>
              <td class="figure">{rtt === undefined || id === self ? '–' : `${rtt.toFixed(0)} ms`}</td>
              <td class="figure">{((shares.value.get(id) ?? 0) * 100).toFixed(1)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
