import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, waitFor } from '@bulkhead/platform/kernel';
import {
  ADDRESSES,
  ATTACKS,
  HOSTS,
  labLayout,
  openLab,
  PORTS,
  removeLab,
  type Lab,
} from '@bulkhead/scripts/lab';
import { findIp, verifyChecksums } from '@bulkhead/scripts/replay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  captureWhile,
  hostNetwork,
  inNamespace,
  networkCards,
  remains,
  sentFrames,
  testSite,
  type TestSite,
} from '../../support/lab.ts';

const PREFIX = 'b71';
let at: TestSite;
let lab: Lab;
let networkBefore: string[] = [];
let openedMs = 0;
let outFromSpan = 0;

const namespaceOf = (role: string): string => `${PREFIX}-lab-${role}`;
const client = (command: readonly string[]) => inNamespace(namespaceOf('client'), command);

beforeAll(async () => {
  at = await testSite(PREFIX);
  networkBefore = await hostNetwork(PREFIX);
  const started = performance.now();
  lab = await openLab(at);
  openedMs = performance.now() - started;
  await run('ip', ['link', 'set', lab.monitorDevice, 'up']);
  outFromSpan = await sentFrames(lab.monitorDevice);
});

afterAll(async () => {
  await removeLab(at.site);
  await at.remove();
});

test('is up in seconds', () => {
  expect(openedMs).toBeLessThan(10_000); // about 1 s alone; other tests may share the machine
});

describe('the servers are real', () => {
  test('DNS answers, and says NXDOMAIN to what it does not know', async () => {
    const node = (code: string) =>
      client([
        process.execPath,
        '-e',
        `const d=require('dns').promises;const r=new d.Resolver();r.setServers(['10.66.0.10']);${code}`,
      ]);
    expect(await node(`r.resolve4('${HOSTS.www}').then(a=>console.log(a[0]))`)).toBe(
      `${ADDRESSES.server.ip4}\n`,
    );
    expect(await node(`r.resolve6('${HOSTS.www}').then(a=>console.log(a[0]))`)).toBe(
      `${ADDRESSES.server.ip6}\n`,
    );
    expect(await node(`r.resolveMx('lab.example').then(a=>console.log(a[0].exchange))`)).toBe(
      `${HOSTS.mail}\n`,
    );
    expect(await node(`r.resolve4('nobody.example').catch(e=>console.log(e.code))`)).toBe('ENOTFOUND\n');
  });

  test.each([ADDRESSES.server.ip4, `[${ADDRESSES.server.ip6}]`])('HTTP answers at %s', async (host) => {
    const code = `require('http').get('http://${host}/',r=>{r.resume();r.on('end',()=>console.log(r.statusCode))})`;
    expect(await client([process.execPath, '-e', code])).toBe('200\n');
  });

  test('TLS answers with the certificate of its name', async () => {
    const ca = `${labLayout(at.site).dir}/server.crt`;
    const target = `${ADDRESSES.server.ip4}:${String(PORTS.tls)}`;
    const { stdout } = await run('ip', [
      ...['netns', 'exec', namespaceOf('client'), 'openssl', 's_client', '-brief', '-verify_return_error'],
      ...['-CAfile', ca, '-servername', HOSTS.www, '-verify_hostname', HOSTS.www, '-connect', target],
    ]).then(({ stdout, stderr }) => ({ stdout: stdout + stderr }));
    expect(stdout).toContain('Verification: OK');
  });
});

describe('what the SPAN port shows', () => {
  test('every frame that enters the switch is copied exactly once', async () => {
    // Each ping is one frame in from the client and one in from the server; their content tells them apart.
    const frames = await captureWhile(lab.monitorDevice, async () => {
      await client(['ping', '-c', '20', '-i', '0.02', '-p', 'b71cafe0', ADDRESSES.server.ip4]);
    });
    const icmp = frames.filter((frame) => frame.readUInt16BE(12) === 0x0800 && frame[23] === 1);
    const keys = icmp.map((frame) => `${String(frame[34])}/${String(frame.readUInt16BE(40))}`);
    expect(new Set(keys).size).toBe(40);
    expect(keys).toHaveLength(40);
  });

  test('the counters of the members and of the SPAN port agree under traffic', async () => {
    // Counters are read one after the other: a frame on its way between two of them would stand in one and not in the other.
    const settled = () =>
      waitFor('the counters to settle', 5_000, async () => {
        const one = (await lab.stats()).span;
        await sleep(200);
        const two = (await lab.stats()).span;
        return one.entered === two.entered && one.mirrored === two.mirrored ? two : undefined;
      });
    const before = await settled();
    await client(['ping', '-f', '-c', '500', '-s', '1400', ADDRESSES.server.ip4]);
    const after = await settled();
    expect(after.entered - before.entered).toBeGreaterThanOrEqual(1_000);
    expect(after.mirrored - before.mirrored).toBe(after.entered - before.entered);
    expect(after.dropped).toBe(before.dropped);
  });

  test('handshakes are seen in the order of the wire, also with both processors busy', async () => {
    const burners = [0, 1].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    try {
      const code = `const http=require('http');(async()=>{for(let i=0;i<300;i++)await new Promise((ok,no)=>http.get({host:'${ADDRESSES.server.ip4}',path:'/style.css',agent:false},r=>{r.resume();r.on('end',ok)}).on('error',no));console.log('done')})()`;
      const frames = await captureWhile(lab.monitorDevice, async () => {
        expect(await client([process.execPath, '-e', code])).toBe('done\n');
      });
      const seen = new Map<number, string[]>();
      for (const frame of frames.filter((one) => one.readUInt16BE(12) === 0x0800 && one[23] === 6)) {
        const [source, destination, flags] = [frame.readUInt16BE(34), frame.readUInt16BE(36), frame[47] ?? 0];
        if (![source, destination].includes(PORTS.http)) continue;
        const key = source === PORTS.http ? destination : source;
        const what = flags & 0x02 ? (flags & 0x10 ? 'SYN/ACK' : 'SYN') : 'other';
        seen.set(key, [...(seen.get(key) ?? []), what]);
      }
      expect(seen.size).toBe(300);
      const starts = [...seen.values()].map((order) => order.slice(0, 3).join(' '));
      expect(new Set(starts)).toEqual(new Set(['SYN SYN/ACK other']));
    } finally {
      for (const burner of burners) burner.kill('SIGKILL');
    }
  });

  test('ABUSE 119: no bad checksum and no frame above the MTU is on the SPAN, over IPv4 and IPv6', async () => {
    const frames = await captureWhile(lab.monitorDevice, async () => {
      await download(ADDRESSES.server.ip4);
      await download(`[${ADDRESSES.server.ip6}]`);
    });
    const verdicts = frames.map(verifyChecksums);
    expect(verdicts.filter((verdict) => verdict === 'wrong' || verdict === 'unfinished')).toEqual([]);
    expect(Math.max(...frames.map((frame) => frame.length))).toBe(1514);
    for (const version of [4, 6]) {
      const full = frames.filter((frame) => findIp(frame)?.version === version && frame.length === 1514);
      expect(full.length).toBeGreaterThan(100); // 256 KiB really went by in full segments
    }
    expect(verdicts.filter((verdict) => verdict === 'right').length).toBeGreaterThan(400);
  });

  test('ABUSE 119: the same look finds both faults when offloads are on', async () => {
    const features = ['tx', 'sg', 'tso', 'gso'];
    // On the sender and on the SPAN link: with either off, the kernel finishes the frames on the way.
    const offload = async (state: string): Promise<void> => {
      const change = (link: string) => [
        'ethtool',
        '-K',
        link,
        ...features.flatMap((feature) => [feature, state]),
      ];
      await inNamespace(namespaceOf('server'), change('lan0'));
      await inNamespace(namespaceOf('switch'), change('span0'));
    };
    await offload('on');
    try {
      const frames = await captureWhile(lab.monitorDevice, () => download(ADDRESSES.server.ip4));
      expect(frames.map(verifyChecksums)).toContain('unfinished');
      expect(Math.max(...frames.map((frame) => frame.length))).toBeGreaterThan(1514);
    } finally {
      await offload('off');
    }
  });
});

describe('people and the attacker', () => {
  test('people look up, browse, download and log in, over both protocols, without a failure', async () => {
    const stop = new AbortController();
    const frames = await captureWhile(lab.monitorDevice, async () => {
      lab.startClients(stop.signal);
      await waitFor('the clients to have done everything', 90_000, async () => {
        const { clients } = await lab.stats();
        return ['lookups', 'missing', 'pages', 'objects', 'downloads', 'logins'].every(
          (what) => (clients[what] ?? 0) > 0,
        );
      });
      stop.abort();
    });
    expect((await lab.stats()).clients['failures']).toBe(0);
    const versions = new Set(frames.map((frame) => findIp(frame)?.version));
    expect(versions.has(4) && versions.has(6)).toBe(true);
    expect(frames.map(verifyChecksums)).not.toContain('unfinished');
  });

  /** Bytes that must be on the wire for a kind of attack, as its rule looks for them. */
  const marks: Record<(typeof ATTACKS)[number]['kind'], string> = {
    'port-scan': '',
    'path-traversal': 'GET /download?file=../../../../etc/passwd HTTP/1.1',
    'path-traversal-ipv6': 'GET /download?file=../../../../etc/passwd HTTP/1.1',
    'sql-injection': '%20UNION%20SELECT%20',
    log4shell: '${jndi:ldap://',
    shellshock: 'User-Agent: () { :; };',
    'web-shell': 'uid=33(www-data)',
    'reverse-shell': 'uid=0(root) gid=0(root)',
    'ssh-brute-force': 'SSH-2.0-libssh2_',
    'telnet-login': 'Login incorrect',
    'cleartext-credentials': 'Authorization: Basic YW5uYTpzdW1tZXIyMDI0',
    'dns-tunnel': '\x05exfil\x07example',
    'dns-dga': '\x07example\x00',
    'dns-bad-name': '\x0emalware-beacon\x07example',
    'tls-bad-sni': 'c2.malware-beacon.example',
    'eicar-download': 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE',
  };

  test.each(ATTACKS.map((attack) => attack.kind))(
    'attack %s puts on the wire what the README says',
    async (kind) => {
      const frames = await captureWhile(lab.monitorDevice, () => lab.attack(kind));
      const wire = frames.map((frame) => frame.toString('latin1'));
      expect(wire.some((frame) => frame.includes(marks[kind]))).toBe(true);
      expect((await lab.stats()).attacks[kind]).toBe(1);
      if (kind === 'port-scan') {
        const syns = frames.filter((frame) => frame[23] === 6 && frame[47] === 0x02);
        expect(new Set(syns.map((frame) => frame.readUInt16BE(36))).size).toBe(24);
      }
      if (kind === 'path-traversal-ipv6') {
        expect(frames.find((frame) => frame.includes('passwd'))?.readUInt16BE(12)).toBe(0x86dd);
      }
    },
  );

  test('an unknown kind is refused by name', async () => {
    await expect(lab.attack('nothing' as 'port-scan')).rejects.toMatchObject({
      code: 'START_LAB_ATTACK_FAILED',
    });
  });
});

describe('the host stays as it was', () => {
  test('no address and no route of the lab in the host, and nothing sent towards the lab', async () => {
    expect(await hostNetwork(PREFIX)).toEqual(networkBefore);
    expect(await sentFrames(lab.monitorDevice)).toBe(outFromSpan);
  });

  test('nothing of the lab is on any network card of the machine', async () => {
    const ranges =
      'net 10.66.0.0/24 or net 203.0.113.0/24 or net fd66:6c61:6200::/64 or net 2001:db8:66::/64';
    for (const card of networkCards()) {
      const seen = await captureWhile(card, () => lab.attack('tls-bad-sni'), ranges);
      expect(seen).toEqual([]);
    }
    // The same look sees it where it is.
    expect(await captureWhile(lab.monitorDevice, () => lab.attack('tls-bad-sni'), ranges)).not.toEqual([]);
  });

  test('the lab is not reachable from the host', async () => {
    const { exitCode } = await run(
      'ping',
      ['-c', '1', '-W', '1', '-I', lab.monitorDevice, ADDRESSES.server.ip4],
      {
        allowFailure: true,
      },
    );
    expect(exitCode).not.toBe(0);
  });

  test('its programs are not root and have no capability', async () => {
    for (const role of ['server', 'client', 'outside']) {
      const pids = (await run('ip', ['netns', 'pids', namespaceOf(role)])).stdout.trim().split('\n');
      expect(pids.length).toBeGreaterThan(0);
      for (const pid of pids) {
        const status = (await run('cat', [`/proc/${pid}/status`])).stdout;
        expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
        expect(status).toMatch(/^CapEff:\s+0+$/m);
        expect(status).toMatch(/^CapBnd:\s+0+$/m);
        expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      }
    }
  });

  test('stop leaves nothing', async () => {
    expect((await remains(PREFIX)).length).toBeGreaterThan(5);
    await lab.stop();
    expect(await remains(PREFIX)).toEqual([]);
    expect(await hostNetwork(PREFIX)).toEqual(networkBefore);
  });
});

async function download(host: string): Promise<void> {
  const code = `require('http').get('http://${host}/files/report-256.bin',r=>{let n=0;r.on('data',c=>n+=c.length);r.on('end',()=>console.log(n))})`;
  expect(await client([process.execPath, '-e', code])).toBe('262144\n');
}
