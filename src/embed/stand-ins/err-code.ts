/** Gives an error the code that simple-peer tells it by; a DOMException has one already that cannot be set. */
export default function errCode(error: Error, code: string): Error {
  return Object.defineProperty(error, 'code', { value: code, enumerable: true, configurable: true })
}
