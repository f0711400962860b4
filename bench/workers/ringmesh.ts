import { expose } from '../../src/worker.js'

expose({ double: (n: number) => n * 2 })
