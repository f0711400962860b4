/**
 * How a thread ended.
 * - `uncaught`: something in it threw and nobody caught it.
 * - `rejection`: a promise in it was rejected and nobody handled it.
 * - `closed`: it closed itself (`self.close()`, `process.exit()`).
 * - `load`: its script is missing, is no valid program, or did not serve in time.
 * - `unclonable`: it sent, or was sent, what the structured clone algorithm refuses.
 * - `hang`: its event loop did not answer the heartbeat in time.
 * - `terminated`: its owner ended it.
 */
export type ThreadExitKind =
  | 'uncaught'
  | 'rejection'
  | 'closed'
  | 'load'
  | 'unclonable'
  | 'hang'
  | 'terminated'

/** An error as it travels between threads and peers, where classes and identity do not. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack?: string
}

/** How a thread ended, and the error behind it. */
export interface ThreadExit extends PlainError {
  readonly kind: ThreadExitKind
}

/** What the platform's worker tells the page about itself. */
export interface ThreadPortEvents {
  message(data: unknown): void
  /** Something was thrown in it, or it could not be loaded: the platform does not say which. */
  error(error: PlainError): void
  /** A message arrived that could not be read. */
  unreadable(): void
  /** It is gone. Browsers never say so; Node does. */
  gone(): void
}

/** The platform's worker, as little of it as is needed. One adapter for Web Workers, one for Node. */
export interface ThreadPort {
  /** Throws where `message` cannot be cloned. */
  post(message: unknown, transfer: readonly Transferable[]): void
  /** Ends it at once, also in the middle of a loop. Idempotent; no event follows. */
  terminate(): void
}

/** Starts a thread; it reports through `events` from then on, never from inside this call. */
export type OpenThread = (events: ThreadPortEvents) => ThreadPort

/** The way out of a thread, as the code inside it sees it. */
export interface InnerPort {
  /** Throws where `message` cannot be cloned. */
  post(message: unknown, transfer: readonly Transferable[]): void
  /** Takes all messages, and what goes wrong in this thread with nobody to catch it. Called once. */
  listen(events: { message(data: unknown): void; fault(kind: ThreadExitKind, error: unknown): void }): void
}
