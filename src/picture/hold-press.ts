/**
 * For the press on what may move before the release, as peers come and go: the click is then of what was pressed, not
 * of what holds both places, which is where a browser sends it otherwise.
 */
export function holdPress({ currentTarget, pointerId }: PointerEvent): void {
  ;(currentTarget as Element).setPointerCapture(pointerId)
}
