/** The platform's own. Read when it is called, as a page may replace it. */
export default (task: () => void): void => queueMicrotask(task)
