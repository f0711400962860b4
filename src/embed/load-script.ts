/** A page that demands Trusted Types takes the address of a script only from a policy; `trusted-types` may name the policies. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string }
}

/**
 * Runs a script of ours, by a tag that is added to the page.
 *
 * @param integrity - the hash that it must have; not asked for where it comes from a disk, as browsers cannot tell there
 * @param timeout - milliseconds that it may take
 * @param type - `module` for one that exports; classic where it is left out
 * @returns why it did not run, for the middle of a sentence; undefined when it did
 */
export function loadScript(
  url: string,
  integrity: string,
  timeout: number,
  type: 'module' | '' = '',
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const script = document.createElement('script')
    let blockedBy: string | undefined
    const violated = ({ blockedURI, effectiveDirective }: SecurityPolicyViolationEvent): void => {
      if (blockedURI === url) blockedBy ??= effectiveDirective
    }
    const end = (problem: string | undefined): void => {
      clearTimeout(bound)
      document.removeEventListener('securitypolicyviolation', violated)
      script.remove()
      resolve(problem)
    }
    const bound = setTimeout(() => end(`did not load within ${timeout / 1000} s`), timeout)
    document.addEventListener('securitypolicyviolation', violated)
    script.onload = () => end(undefined)
    script.onerror = async () =>
      end(blockedBy === undefined ? await problemOf(url) : `is blocked by the page's policy, ${blockedBy}`)
    try {
      script.src = trusted(url)
    } catch (error) {
      end(`is not trusted: ${error}`)
      return
    }
    const { protocol, origin } = new URL(url)
    if (protocol !== 'file:') script.integrity = integrity
    // From elsewhere a hash is only compared with CORS.
    if (protocol !== 'file:' && origin !== location.origin) script.crossOrigin = 'anonymous'
    script.nonce = nonce
    script.type = type
    ;(document.head ?? document.documentElement).append(script)
  })
}

/** The nonce of the page's policy: what it trusts the script tag by, it trusts this one by. Not in the DOM any more later. */
const nonce = (globalThis.document?.currentScript as HTMLScriptElement | null | undefined)?.nonce ?? ''

/** Made when it is first needed, and once: a page may forbid a second one of the same name. */
let policy: ReturnType<TrustedTypes['createPolicy']> | undefined

function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  policy ??= trustedTypes?.createPolicy('ringmesh', { createScriptURL: (given) => given })
  return policy?.createScriptURL(url) ?? url
}

/** A tag that failed says nothing of why; asking once more does. */
async function problemOf(url: string): Promise<string> {
  try {
    const { ok, status } = await fetch(url)
    return ok ? 'is there, but its hash or type is another' : `was answered with status ${status}`
  } catch {
    return 'cannot be fetched'
  }
}
