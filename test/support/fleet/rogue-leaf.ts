import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUser } from '@nats-io/nkeys';
import { connect, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { site, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { freePort } from '../nats.ts';
import { Forwarder, type UplinkDoor } from './hub-bench.ts';

/** A sensor in the hands of somebody else: a server of their own behind a valid uplink, that forbids itself nothing. */
export interface RogueLeaf {
  /** Publishes and gives the answer as text. @throws when there is none */
  ask(subject: string, head?: MsgHdrs, timeoutMs?: number): Promise<string>;
  say(subject: string, reply: string): void;
  /** Says as much of one kind as its server takes, and waits for no answer. */
  shout(subject: string, body: Uint8Array): Promise<void>;
  listen(subject: string, onMessage: (subject: string) => void): void;
  dispose(): Promise<void>;
}

export async function openRogueLeaf(hub: () => UplinkDoor, id: string): Promise<RogueLeaf> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-rogue-'));
  const user = createUser();
  const port = await freePort();
  const forwarder = await Forwarder.open(() => hub().connect(id, user.getPublicKey()));
  const seed = new TextDecoder().decode(user.getSeed());
  await writeFile(
    join(dir, 'leaf.conf'),
    [
      `listen: "127.0.0.1:${String(port)}"`,
      `leafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${String(forwarder.port)}", nkey: "${seed}", compression: s2_best } ] }`,
      `log_file: "${join(dir, 'leaf.log')}"`,
    ].join('\n'),
    { mode: 0o600 },
  );
  const server: ChildProcess = spawn(sitePaths(site()).natsServer, ['-c', join(dir, 'leaf.conf')], {
    stdio: 'ignore',
  });
  let client: NatsConnection | undefined;
  const open = await waitFor('the rogue server', 30_000, async () => {
    client = await connect({ servers: `127.0.0.1:${String(port)}`, inboxPrefix: '_INBOX.up' }).catch(
      () => undefined,
    );
    return client;
  });
  return {
    ask: async (subject, head, timeoutMs = 1_500) => {
      const body = '{"n":1}\n';
      const reply = await open.request(subject, body, {
        timeout: timeoutMs,
        ...(head === undefined ? {} : { headers: head }),
      });
      return reply.string();
    },
    say: (subject, reply) => {
      open.publish(subject, '{"n":1}\n', { reply });
    },
    shout: async (subject, body) => {
      open.publish(subject, body);
      await open.flush();
    },
    listen: (subject, onMessage) => {
      open.subscribe(subject, {
        callback: (_error, message) => {
          // What it says itself comes back to it from its own server.
          if (!message.subject.startsWith('_INBOX.up') && message.string() !== '{"n":1}\n')
            onMessage(message.subject);
        },
      });
    },
    dispose: async () => {
      await client?.close();
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
      await forwarder.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
