const listeners = new WeakMap<AbortSignal, { calls: Set<() => void>; fire: () => void }>()

/**
 * Calls `call` when the signal fires. However many wait for one signal, it has one listener: Node
 * warns of a leak from eleven on.
 *
 * @returns the function that takes the call back
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  let listener = listeners.get(signal)
  if (listener === undefined) {
    const calls = new Set<() => void>()
    const fire = () => {
      for (const one of [...calls]) one()
    }
    listener = { calls, fire }
    listeners.set(signal, listener)
    signal.addEventListener('abort', fire, { once: true })
  }
  const { calls, fire } = listener
  calls.add(call)
  return () => {
    if (!calls.delete(call) || calls.size > 0) return
    signal.removeEventListener('abort', fire)
    listeners.delete(signal)
  }
}
