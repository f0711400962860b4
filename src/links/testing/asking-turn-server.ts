import { createHash, createHmac } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'

const allocateRequest = 0x0003
const allocateError = 0x0113
const attribute = { username: 0x0006, integrity: 0x0008, errorCode: 0x0009, realm: 0x0014, nonce: 0x0015 }
const headerLength = 20
const realm = 'ringmesh.test'

/** A TURN server on loopback that asks who wants a relay, and gives none. */
export interface AskingTurnServer {
  /** Its `turn:` URL. */
  readonly url: string
  /** The first user that asked with credentials, and whether they prove the password. */
  readonly asked: Promise<{ readonly user: string; readonly isProven: boolean }>
  stop(): void
}

/**
 * Answers a first Allocate with 401 and a realm, as long-term credentials want it (RFC 8489, section 9.2), and looks at the
 * second.
 */
export async function startAskingTurnServer(password: string): Promise<AskingTurnServer> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address() as AddressInfo
  const asked = new Promise<{ user: string; isProven: boolean }>((resolve) => {
    socket.on('message', (message, from) => {
      if (message.readUInt16BE(0) !== allocateRequest) return
      const attributes = attributesOf(message)
      const user = attributes.get(attribute.username)?.value.toString()
      if (user === undefined) socket.send(unauthorized(message), from.port, from.address)
      else resolve({ user, isProven: proves(message, attributes.get(attribute.integrity), user, password) })
    })
  })
  return { url: `turn:127.0.0.1:${port}`, asked, stop: () => void socket.close() }
}

interface Attribute {
  /** Where it starts in the message. */
  readonly at: number
  readonly value: Buffer
}

function attributesOf(message: Buffer): Map<number, Attribute> {
  const found = new Map<number, Attribute>()
  for (let at = headerLength; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2)
    found.set(message.readUInt16BE(at), { at, value: message.subarray(at + 4, at + 4 + length) })
    // Attributes are padded to four bytes.
    at += 4 + Math.ceil(length / 4) * 4
  }
  return found
}

/** The HMAC is over all before it, with a length in the header as if it were the last (RFC 8489, section 14.5). */
function proves(message: Buffer, integrity: Attribute | undefined, user: string, password: string): boolean {
  if (integrity === undefined) return false
  const before = Buffer.from(message.subarray(0, integrity.at))
  before.writeUInt16BE(integrity.at + 4 + integrity.value.length - headerLength, 2)
  const key = createHash('md5').update(`${user}:${realm}:${password}`).digest()
  return createHmac('sha1', key).update(before).digest().equals(integrity.value)
}

function unauthorized(request: Buffer): Buffer {
  const body = Buffer.concat([
    written(attribute.errorCode, Buffer.from([0, 0, 4, 1])),
    written(attribute.realm, Buffer.from(realm)),
    written(attribute.nonce, Buffer.from('nonce')),
  ])
  // The cookie and the transaction are those of the request.
  const header = Buffer.from(request.subarray(0, headerLength))
  header.writeUInt16BE(allocateError, 0)
  header.writeUInt16BE(body.length, 2)
  return Buffer.concat([header, body])
}

function written(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(value.length, 2)
  value.copy(bytes, 4)
  return bytes
}
