import { expose } from '../worker.node.js'
import { Compute } from './compute.js'

expose(Compute)
