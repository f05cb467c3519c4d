import { expect, test } from 'vitest';
import { openHttpReceiver } from '../../support/fleet-notify/http-receiver.ts';
import { postWebhook } from '../../../fleet-ui/server/notify/deliver/webhook.ts';

test('a key in the query of a webhook is not shown, however the other side repeats it', async () => {
  const server = await openHttpReceiver();
  try {
    const [key, coded] = ['k3y0fth3h00k', 'a/secret+of=it'];
    const query = `key=${key}&token=${encodeURIComponent(coded)}&v=2`;
    server.answer = (response) =>
      response
        .writeHead(403)
        .end(`no ${query} | ${key} | ${coded} | ${encodeURIComponent(coded)} | version 2 refused`);
    const url = `http://127.0.0.1:${String(server.port)}/in?${query}`;
    const sent = postWebhook({ url, secret: undefined, ca: undefined }, 'n_x', {}, Date.now());
    const message = await sent.catch((error: unknown) => (error as Error).message);
    expect(message).toBe('HTTP 403: no … | … | … | … | version 2 refused');
  } finally {
    await server.close();
  }
});
