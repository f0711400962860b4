/**
 * Lets the page or the terminal have its turn, and the engine free what it keeps until a task ends: what a `WeakRef`
 * was made of or asked for, and so every table of owners that a ring was ever given. A run of promises alone is one
 * task, however long it takes.
 */
export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
