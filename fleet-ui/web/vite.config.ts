import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** `vite build fleet-ui/web --outDir build/fleet-web`: static files; nothing in them is inline, so that the policy can be strict. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  build: {
    target: 'es2022',
    outDir: fileURLToPath(new URL('../../build/fleet-web', import.meta.url)),
    emptyOutDir: true,
    // A picture as a data: address would need a hole in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    proxy: { '/api': process.env['BULKHEAD_FLEET'] ?? 'http://127.0.0.1:8443' },
  },
});
