import { worker } from 'workerpool'

worker({ double: (n: number) => n * 2 })
