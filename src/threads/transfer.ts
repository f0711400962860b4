const marked = new WeakMap<object, readonly Transferable[]>()

/**
 * Marks what of `value` shall be moved, not copied, when `value` is a request, a message or an
 * answer that crosses a thread.
 *
 * @example
 * ```ts
 * await call(parser, transfer(pixels, [pixels.buffer]))
 * ```
 */
export function transfer<T extends object>(value: T, list: readonly Transferable[]): T {
  marked.set(value, list)
  return value
}

/** What {@link transfer} marked on `value`; undefined where it marked nothing. */
export function transferred(value: unknown): readonly Transferable[] | undefined {
  return typeof value === 'object' && value !== null ? marked.get(value) : undefined
}
