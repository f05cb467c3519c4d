import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { ended } from './program.ts';

/**
 * nginx with one worker in front of the same instrument: connections to it kept open, WebSockets passed on, one header put on as
 * we do; no log, no check of who asks.
 */
export async function startNginx(
  root: string,
  dir: string,
  socket: string,
  port: number,
  cpus: string,
): Promise<{ version: string; end(): Promise<void> }> {
  await mkdir(dir, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${dir}/${kind};`,
  );
  const file = join(dir, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${dir}/pid; error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; ${temporary.join(' ')}
  upstream page { server unix:${socket}; keepalive 64; keepalive_requests 1000000000; }
  map $http_upgrade $hop { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${String(port)};
    location / {
      proxy_pass http://page; proxy_http_version 1.1;
      proxy_set_header Host $host; proxy_set_header X-Bulkhead-User ada;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $hop;
    }
  }
}
`,
  );
  const program = await nginxProgram(root);
  const { stderr } = await run(program, ['-v']);
  const child = spawn('taskset', ['-c', cpus, program, '-e', 'stderr', '-p', dir, '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitFor('nginx to listen', 10_000, () => listens(port));
  return { version: /nginx\/(\S+)/.exec(stderr)?.[1] ?? 'unknown', end: () => ended(child) };
}

/**
 * The machine's own, or Debian's unpacked beside the bundles: installed as a package it would also run as a service, on all of the
 * machine's addresses.
 */
async function nginxProgram(root: string): Promise<string> {
  const given = process.env['BULKHEAD_BENCH_NGINX'] ?? '/usr/sbin/nginx';
  if (existsSync(given)) return given;
  const kept = join(root, 'build/bench-proxy/nginx');
  const program = join(kept, 'usr/sbin/nginx');
  if (existsSync(program)) return program;
  await mkdir(kept, { recursive: true });
  await run('apt-get', ['-q', 'download', 'nginx'], { cwd: kept, timeoutMs: 120_000 });
  const archive = (await readdir(kept)).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error('apt-get brought no nginx');
  await run('dpkg-deb', ['-x', join(kept, archive), kept]);
  return program;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
