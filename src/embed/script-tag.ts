/** The tag itself: known only while it runs for the first time. Undefined where the script came another way. */
export const scriptTag = (globalThis.document?.currentScript ?? undefined) as HTMLScriptElement | undefined

/** Where a file is that stands beside the script tag. */
export function beside(file: string): string {
  return new URL(file, scriptTag?.src || document.baseURI).href
}
