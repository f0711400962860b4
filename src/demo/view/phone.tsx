import { useMemo, useRef } from 'preact/hooks'
import { encode } from 'uqr'

/** A QR code of this page's address: a phone in the same network joins with its camera. */
export function Phone({ url }: { url: string }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const isLocal = /^(localhost|127\.|\[::1\])/.test(new URL(url).hostname)
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()} data-testid="phone">
        Join by phone
      </button>
      <dialog ref={dialog} aria-label="Join by phone">
        <Code url={url} />
        <p class="address">
          <code>{url}</code>
        </p>
        {isLocal && (
          <p class="note">
            A phone cannot reach this address. Start with <code>npm start -- --host 0.0.0.0</code> and open
            the address in your network that it prints.
          </p>
        )}
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  )
}

function Code({ url }: { url: string }) {
  const { path, size } = useMemo(() => drawn(url), [url])
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={`QR code of ${url}`}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" shape-rendering="crispEdges" />
    </svg>
  )
}

/** Every dark module as a square of one path. */
function drawn(url: string): { path: string; size: number } {
  // The standard wants four bare modules around the code (ISO/IEC 18004).
  const { data, size } = encode(url, { border: 4 })
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return { path: squares.join(''), size }
}
