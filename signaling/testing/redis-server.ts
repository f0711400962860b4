import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { freePort } from './free-port.js'

/** A Redis of a test's own, on a free port, that keeps nothing on disk. */
export class RedisServer {
  readonly port: number
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'ringmesh-redis-'))
  }

  /** Starts one. Installs Debian's `redis-server` first where it is missing and this user may. */
  static async start(): Promise<RedisServer> {
    ensureInstalled()
    const redis = new RedisServer(await freePort())
    await redis.restart()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Says something to it, as an operator would with `redis-cli`, and answers the answer. */
  async command(...words: string[]): Promise<unknown> {
    const client = createClient({ url: this.url })
    await client.connect()
    try {
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }

  /**
   * Starts it again, empty, on the same port; ends it first where it still runs.
   * @param password - that it wants from then on
   */
  async restart(password?: string): Promise<void> {
    await this.kill()
    const child = spawn(
      'redis-server',
      [
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        this.#directory,
        ...(password === undefined ? [] : ['--requirepass', password]),
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    this.#process = child
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
      child.stdout?.on('data', (text: Buffer) => {
        if (text.includes('Ready to accept connections')) resolve()
      })
    })
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
  }

  /** Stops its clock (true) or lets it run on (false): the sockets stay open and nothing answers. */
  freeze(frozen: boolean): void {
    this.#process?.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function ensureInstalled(): void {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return
  } catch {
    // Not there: try to install it.
  }
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' })
  } catch (cause) {
    throw new Error('these tests need redis-server: install it, as with `apt-get install redis-server`', {
      cause,
    })
  }
}
