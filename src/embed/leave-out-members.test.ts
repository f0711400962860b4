import { expect, test } from 'vitest'
import { leaveOutMembers } from './leave-out-members.js'

const source = `class Peer {
  open () {
    this.note('open')
    this.tracks.forEach(track => {
      this.addTrack(track)
    })
    if (this.late) this.note('late')
    return 1
  }
  addTrack (track) {
    this.note('track')
  }
  note (text) {
    console.log(text)
  }
}`

test('members are left out, with the statements that use them, and lines stay where they are', () => {
  const left = leaveOutMembers(source, ['addTrack', 'note'])
  expect(left.split('\n').map((line) => line.trim())).toEqual([
    'class Peer {',
    'open () {',
    ';',
    'this.tracks.forEach(track => {',
    ';',
    '})',
    'if (this.late) ;',
    'return 1',
    '}',
    ';',
    '',
    '',
    ';',
    '',
    '',
    '}',
  ])
})

test('a member that is not there is an error: the library is another version', () => {
  expect(() => leaveOutMembers(source, ['addTrack', 'removeTrack'])).toThrow('no member removeTrack')
})

test('a member whose value is used cannot be left out', () => {
  expect(() => leaveOutMembers('class A { a () {} b () { return this.a() } }', ['a'])).toThrow(
    'this.a is no statement of its own',
  )
})

test('a use around another cuts the whole of it once', () => {
  expect(leaveOutMembers('class A { a () {} b () { this.a(() => { this.a(1) }); return 2 } }', ['a'])).toBe(
    'class A { ; b () { ; return 2 } }',
  )
})

test('two uses in one statement cut it once', () => {
  expect(leaveOutMembers('class A { a () {} b () { this.a(this.a); return 2 } }', ['a'])).toBe(
    'class A { ; b () { ; return 2 } }',
  )
})
