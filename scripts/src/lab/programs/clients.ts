import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADDRESSES, HOSTS } from '../layout.ts';
import { listenForCommands, say } from './commands.ts';
import { INFECTED_ATTACKS } from './infected-attacks.ts';
import { browse, person, type Counters } from './people.ts';
import { labResolver } from './requests.ts';

const [dir = '.'] = process.argv.slice(2);
const counters: Counters = {
  lookups: 0,
  missing: 0,
  pages: 0,
  objects: 0,
  downloads: 0,
  logins: 0,
  failures: 0,
};
let talking: AbortController | undefined;

function startTalking(): void {
  talking?.abort();
  const current = new AbortController();
  talking = current;
  const ca = readFileSync(join(dir, 'server.crt'));
  ADDRESSES.people.forEach((addresses, index) => {
    void browse(person(index, addresses), ca, counters, current.signal);
  });
}

/** Waits until the lab's DNS server answers. */
async function awaitDns(): Promise<void> {
  const resolver = labResolver(ADDRESSES.infected.ip4, ADDRESSES.infected.ip6);
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await resolver.resolve4(HOSTS.www).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(50);
  }
  throw new Error('the DNS server does not answer');
}

listenForCommands(async (command) => {
  if (command.do === 'start') startTalking();
  else if (command.do === 'stop') talking?.abort();
  else {
    const attack = INFECTED_ATTACKS.get(command.kind ?? '');
    if (attack === undefined) throw new Error(`unknown attack ${String(command.kind)}`);
    await attack();
  }
});
setInterval(() => {
  say({ counters });
}, 500);
await awaitDns();
say({ ready: true });
