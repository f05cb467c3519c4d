import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Tiers that touch the kernel, LXD or nats-server run one file at a time: they share one machine. */
const real = (name: string, testTimeout: number) => ({
  root: here,
  test: {
    name,
    include: [`${name}/**/*.test.ts`],
    fileParallelism: false,
    globalSetup: [`${here}support/lxd-daemon.ts`],
    testTimeout,
    hookTimeout: 300_000,
    teardownTimeout: 120_000,
  },
});

export default defineConfig({
  test: {
    projects: [
      { root: here, test: { name: 'unit', include: ['unit/**/*.test.ts'], testTimeout: 20_000 } },
      real('integration', 120_000),
      real('security', 180_000),
      real('e2e', 300_000),
    ],
  },
});
