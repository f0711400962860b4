import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { sampleText } from './src/demo/sample-text.plugin.js'
import { classicScripts } from './src/embed/classic-scripts.plugin.js'
import { knowIntegrity, printIntegrity } from './src/embed/integrity.plugin.js'
import { keepLicences } from './src/embed/licences.plugin.js'
import { lightMessagePack } from './src/embed/light-messagepack.plugin.js'
import { lightSimplePeer } from './src/embed/light-simple-peer.plugin.js'
import { printWeights } from './src/embed/weights.plugin.js'
import { withoutPlantedBugs } from './src/embed/without-planted-bugs.plugin.js'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const { dependencies, optionalDependencies } = JSON.parse(readFileSync(path('./package.json'), 'utf8'))
const packages = [
  ...Object.keys(dependencies),
  ...Object.keys(optionalDependencies),
  '@playwright/test',
  'sirv',
]

const jsx = { oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } } } satisfies ViteUserConfig

/**
 * Every way into the package, for browsers and for Node. What it depends on stays outside, but for simple-peer, which
 * would bring Node's streams along.
 */
const library: ViteUserConfig = {
  publicDir: false,
  plugins: [lightSimplePeer(), withoutPlantedBugs(), keepLicences()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    minify: false,
    sourcemap: true,
    lib: {
      formats: ['es'],
      entry: {
        index: path('src/index.ts'),
        'index.node': path('src/index.node.ts'),
        worker: path('src/worker.ts'),
        playwright: path('src/playwright/index.ts'),
        'playwright-edge': path('src/playwright/edge-process.ts'),
        sim: path('src/sim/index.ts'),
        cli: path('src/edge/cli.ts'),
        'serve-demo': path('src/edge/serve-demo.ts'),
        'demo-edge': path('src/demo/edge.ts'),
        'demo-compute': path('src/demo/compute.worker.ts'),
      },
    },
    rollupOptions: {
      external: [/^node:/, ...packages.flatMap((name) => [name, new RegExp(`^${name}/`)])],
      output: {
        // What only the demo uses is kept out of the package by its name. A chunk without a module of its own passes
        // on what others export, and the command line loads one.
        chunkFileNames: ({ moduleIds }) => {
          const isOfDemo = moduleIds.length > 0 && moduleIds.every((id) => id.includes('/src/demo/'))
          return `${isOfDemo ? 'demo-chunks' : 'chunks'}/[name]-[hash].js`
        },
        // By itself: a bundler leaves out a module that a page does not use, but not a class in one that it does.
        codeSplitting: { groups: [{ name: 'simple-peer', test: /\/simple-peer\/|\/embed\/stand-ins\// }] },
      },
    },
  },
}

/** The file for `<script src>`, and the one with the mesh that it loads from beside itself. */
const scriptTag: ViteUserConfig = {
  publicDir: false,
  resolve: {
    alias: [
      { find: /^.*\/load-mesh\.js$/, replacement: path('src/embed/mesh-loader.ts') },
      { find: /^.*\/load-peerjs\.js$/, replacement: path('src/embed/peerjs-loader.ts') },
    ],
  },
  plugins: [
    lightSimplePeer(),
    lightMessagePack(),
    withoutPlantedBugs(),
    // Both are built before.
    knowIntegrity({ inspectorIntegrity: 'ringmesh.inspector.js', peerjsIntegrity: 'ringmesh.peerjs.js' }),
    classicScripts(),
    keepLicences(),
    printIntegrity(),
    printWeights(),
  ],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    minify: true,
    sourcemap: true,
    lib: { formats: ['es'], entry: path('src/embed/index.ts') },
    rollupOptions: { output: { minify: true } },
  },
}

/** A file that the script tag loads from beside itself, when it is used. */
const beside = (entry: string, fileName: string, format: 'es' | 'iife' = 'es'): ViteUserConfig => ({
  ...jsx,
  publicDir: false,
  plugins: [withoutPlantedBugs(), keepLicences(), printIntegrity(), printWeights()],
  // A page has no `process` to ask.
  define: { 'process.env.NODE_ENV': JSON.stringify('production') },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    minify: true,
    sourcemap: true,
    lib: { formats: [format], name: 'ringmeshWorker', entry: path(entry), fileName: () => fileName },
    rollupOptions: {
      output: {
        // Vite leaves white space in modules of libraries; this one is for pages as it is.
        minify: true,
        // As modules are.
        ...(format === 'iife' && { postBanner: '"use strict";' }),
      },
    },
  },
})

/** What the worker of such a page takes by `importScripts`: in a function, as the names of classic scripts are the worker's. */
const workerScript = beside('src/embed/worker.ts', 'ringmesh.worker.js', 'iife')

/** The demo: a page that is a peer. */
const demo: ViteUserConfig = {
  ...jsx,
  root: path('src/demo'),
  base: './',
  publicDir: path('public'),
  plugins: [lightSimplePeer(), keepLicences(), sampleText()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: path('dist/demo'),
    emptyOutDir: true,
    rollupOptions: { input: { index: path('src/demo/index.html'), frame: path('src/demo/frame.html') } },
  },
}

const unit: ViteUserConfig = {
  ...jsx,
  test: {
    include: ['src/**/*.test.ts', 'signaling/**/*.test.ts', 'bench/**/*.test.ts'],
    setupFiles: [path('src/runtime/poisoned-globals.ts')],
    // All cores: the default leaves one free, which on two is half, while the longest files wait more than they compute.
    maxWorkers: '100%',
    // A bound for what hangs, not a judge of speed: a busy machine may be ten times slower than a free one.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // The default of a second is what a busy machine needs for a process to start.
    expect: { poll: { timeout: 60_000, interval: 20 } },
  },
}

const byMode: Readonly<Record<string, ViteUserConfig>> = {
  library,
  'script-tag': scriptTag,
  inspector: beside('src/embed/inspector.tsx', 'ringmesh.inspector.js'),
  peerjs: beside('src/links/adapters/peerjs-package.ts', 'ringmesh.peerjs.js'),
  'worker-script': workerScript,
  demo,
  development: demo,
}

export default defineConfig(({ mode }) => byMode[mode] ?? unit)
