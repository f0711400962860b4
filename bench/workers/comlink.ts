import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'

if (parentPort !== null) expose({ double: (n: number) => n * 2 }, nodeEndpoint(parentPort))
