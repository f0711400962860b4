/** Comlink ships this module's types beside it under a name that TypeScript does not look for. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink'

  export default function nodeEndpoint(port: object): Endpoint
}
