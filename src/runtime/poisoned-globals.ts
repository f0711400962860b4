/**
 * Loaded before every unit test: a call of the platform's clock, timers or chance made directly by
 * a deterministic room (floors 1 to 4, adapters and tests excepted) throws, where the lint rule
 * cannot see it, as behind an alias.
 */
const deterministicRoom =
  /\/src\/(ring|wire|membership|links|threads|mesh|store|tasks|otp)\/(?!adapters\/)[^:]*(?<!\.test\.ts):/

function poison<T extends object>(owner: T, name: keyof T & string): void {
  const original = owner[name] as unknown as (...parameters: unknown[]) => unknown
  const poisoned = function (this: unknown, ...parameters: unknown[]): unknown {
    const caller = new Error().stack?.split('\n')[2] ?? ''
    if (deterministicRoom.test(caller))
      throw new Error(`${name} is not for a deterministic room: ask the Runtime`)
    return original.apply(this, parameters)
  }
  owner[name] = Object.assign(poisoned, original) as unknown as T[keyof T & string]
}

poison(Date, 'now')
poison(performance, 'now')
poison(Math, 'random')
poison(globalThis, 'setTimeout')
poison(globalThis, 'setInterval')
poison(globalThis, 'queueMicrotask')
poison(crypto, 'getRandomValues')
