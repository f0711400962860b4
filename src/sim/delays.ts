/** Draws a one-way delay in milliseconds, with `random` a source in [0, 1). */
export type Delay = (random: () => number) => number

/**
 * Quantiles 0, 1/16 … 16/16 of one-way delays between homes, mobiles and offices: half under
 * 45 ms, one in sixteen over 230 ms, as measured round trips on the public Internet fall off
 * roughly as a Pareto tail. The ends are those this project is judged by: 40 to 800 ms there and
 * back. A table, as engines differ in the last bit of `Math.log`.
 */
const tailQuantiles = [20, 21, 22, 24, 26, 29, 33, 38, 44, 51, 60, 72, 88, 110, 150, 230, 400] as const

/** Mostly short with a long tail, 20 to 400 ms one way: the simulator's ordinary network. */
export const tailDelay: Delay = (random) => {
  const position = random() * (tailQuantiles.length - 1)
  const index = Math.floor(position)
  const low = tailQuantiles[index] as number
  return low + (position - index) * ((tailQuantiles[index + 1] as number) - low)
}

/** Any delay from 20 to 400 ms with equal chance: far worse than a real network, every frame overtakes others. */
export const uniformDelay: Delay = (random) => 20 + random() * 380

/** Pages of one machine or one office. */
export const nearDelay: Delay = (random) => 0.2 + random() * 2
