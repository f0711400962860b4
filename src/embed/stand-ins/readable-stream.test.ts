import { expect, test } from 'vitest'
import { Duplex } from './readable-stream.js'

test('listeners hear events in order, until they are taken away', () => {
  const stream = new Duplex()
  const heard: unknown[] = []
  const first = (value: unknown): unknown => heard.push(['first', value])
  stream.on('signal', first as () => void)
  stream.once('signal', (value) => heard.push(['once', value]))
  expect(stream.emit('signal', 1)).toBe(true)
  stream.emit('signal', 2)
  stream.removeListener('signal', first as () => void)
  expect(stream.emit('signal', 3)).toBe(false)
  expect(heard).toEqual([
    ['first', 1],
    ['once', 1],
    ['first', 2],
  ])
})

test('an error that nobody listens for is thrown, as Node does', () => {
  const stream = new Duplex()
  expect(() => stream.emit('error', new Error('lost'))).toThrow('lost')
  let heard: unknown
  stream.on('error', (error) => {
    heard = error
  })
  stream.emit('error', 7)
  expect(heard).toBe(7)
})

test('it ends, and carries nothing', () => {
  const stream = new Duplex()
  expect(() => stream.push('data')).toThrow(TypeError)
  stream.push(null)
  stream.end()
  expect(stream._readableState.ended && stream._writableState.finished).toBe(true)
})
