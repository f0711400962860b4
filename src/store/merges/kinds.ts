/** How concurrent writes of a key become one, by the number that records carry. */
export const kinds = {
  /** The later write wins. */
  last: 0,
  counter: 1,
  set: 2,
  map: 3,
  /** By a function of the application's: replicas keep what is concurrent side by side. */
  own: 4,
} as const
