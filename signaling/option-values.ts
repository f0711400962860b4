import * as v from 'valibot'

/** A text that says something. */
export const text = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'))

export const texts = v.array(text, 'must be a list')

/** A path as it stands in a request: what would be written otherwise there would never be met. */
export const path = v.pipe(
  v.string('must be a string'),
  v.regex(/^\/(?!\/)[\w\-.~!$&'()*+,;=:@%/]*$/, 'must be a path that starts with /, as a URL has it'),
)

export const whole = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(0, 'must be 0 or more'),
)

export const flag = v.boolean('must be true or false')

/** What browsers send as `Origin`: `null` for a file, and no slash at the end. */
export const origin = v.pipe(
  v.string('must be a string'),
  v.check(isOrigin, 'must be an origin as browsers send it, such as https://app.example'),
)

function isOrigin(given: string): boolean {
  if (given === 'null') return true
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#\s*@]+$/.test(given) || !URL.canParse(given)) return false
  const parsed = new URL(given)
  // Of schemes that are an app's own, such as capacitor:, a URL has the origin `null`.
  return parsed.origin === 'null' || parsed.origin === given
}

/** The longest line that peers take in a message (`src/wire/signal-messages.ts`). */
const line = v.pipe(text, v.maxLength(1024, 'must have at most 1024 characters'))

const iceUrl = v.pipe(line, v.regex(/^(stun|turn)s?:\S+$/, 'must be a stun:, stuns:, turn: or turns: URL'))

/** URLs of a TURN server, of which there must be one. */
export const turnUrls = v.pipe(
  v.array(v.pipe(line, v.regex(/^turns?:\S+$/, 'must be a turn: or turns: URL')), 'must be a list'),
  v.minLength(1, 'must name at least one URL'),
)

/** One ICE server as `RTCPeerConnection` takes it; from a wrong one it throws, in every page. */
export const iceServer = v.pipe(
  v.strictObject({
    urls: v.union(
      [iceUrl, v.array(iceUrl)],
      'must be a stun:, stuns:, turn: or turns: URL, or a list of them',
    ),
    username: v.optional(line),
    credential: v.optional(line),
  }),
  v.check(
    ({ urls, username, credential }) =>
      ![urls].flat().some((url) => url.startsWith('turn')) ||
      (username !== undefined && credential !== undefined),
    'must have username and credential, as it has a turn: URL',
  ),
)

/** A JWKS, or where it is: a URL with a password in it no `fetch` takes. */
export const jwksOrUrl = v.union(
  [
    v.pipe(
      v.string(),
      v.regex(/^https?:\/\//, 'must be an http: or https: URL'),
      v.check(isFetchable, 'must be a URL without a password'),
    ),
    v.looseObject({
      keys: v.array(
        v.pipe(
          v.record(v.string(), v.unknown()),
          v.check((key) => typeof key.kty === 'string' && !('d' in key)),
        ),
      ),
    }),
  ],
  'must be a URL without a password, or a JWKS of public keys',
)

function isFetchable(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { username, password } = new URL(url)
  return username === '' && password === ''
}
