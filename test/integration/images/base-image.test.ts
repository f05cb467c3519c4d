import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { throwAwayRuntime, type ThrowAwayRuntime } from '../../support/lxd.ts';

/** Prints what the kernel says of the process, then what it may do, then sleeps until it is told to stop. */
const REPORT = `
const fs = require('node:fs');
const say = (name, value) => console.log('@' + JSON.stringify({ name, value }));
const status = fs.readFileSync('/proc/self/status', 'utf8');
for (const key of ['Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'])
  say(key, new RegExp('^' + key + ':[ \\\\t]*(.*?)[ \\\\t]*$', 'm').exec(status)[1]);
say('init', /^Uid:\\s*(\\d+)/m.exec(fs.readFileSync('/proc/1/status', 'utf8'))[1]);
say('environment', Object.keys(process.env).sort().join(' '));
const attempt = (name, work) => { try { say(name, work() ?? 'done'); } catch (error) { say(name, error.code); } };
for (const path of ['/x', '/etc/x', '/usr/bin/x', '/opt/instrument/x', '/run/x', '/run/bulkhead/x', '/tmp/x', '/run/instrument/x'])
  attempt('write ' + path, () => fs.writeFileSync(path, ''));
attempt('fill /tmp', () => fs.writeFileSync('/tmp/fill', Buffer.alloc(80 << 20)));
attempt('fill /run/instrument', () => fs.writeFileSync('/run/instrument/fill', Buffer.alloc(20 << 20)));
attempt('execute in /tmp', () => { fs.rmSync('/tmp/fill', { force: true }); fs.copyFileSync('/usr/bin/true', '/tmp/true'); fs.chmodSync('/tmp/true', 0o755); return require('node:child_process').spawnSync('/tmp/true').error?.code; });
attempt('raw socket', () => require('node:child_process').spawnSync('/usr/sbin/nft', ['list', 'tables']).status === 0 ? 'nft' : 'no nft');
say('limits', fs.readFileSync('/proc/self/limits', 'utf8').match(/Max open files\\s+(\\d+)\\s+(\\d+)/).slice(1).join(' '));
say('core', fs.readFileSync('/proc/self/limits', 'utf8').match(/Max core file size\\s+(\\d+)/)[1]);
say('arguments', process.argv.slice(1).join('|'));
say('lo', fs.readFileSync('/sys/class/net/lo/operstate', 'utf8').trim() + ' ' + fs.readFileSync('/sys/class/net/lo/flags', 'utf8').trim());
for (const signal of ['SIGTERM', 'SIGPWR']) process.on(signal, () => { say('stopped by', signal); process.exit(0); });
say('ready', 'yes');
setInterval(() => undefined, 1000);
`;
const ONE_LINE = REPORT.replaceAll('\n', ' ');

let rig: ThrowAwayRuntime;
beforeAll(async () => {
  rig = await throwAwayRuntime('im1');
});
afterAll(async () => rig.dispose());

async function report(name: string): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  await waitFor(`the report of ${name}`, 20_000, async () => {
    for (const line of await rig.runtime.log(name, { lines: 200 })) {
      const at = line.indexOf('@{');
      if (at === -1) continue;
      const { name: key, value } = JSON.parse(line.slice(at + 1).trim()) as { name: string; value: string };
      said[key] = value;
    }
    return said['ready'] === 'yes';
  });
  return said;
}

describe('the base image with its init', () => {
  test('runs the program as nobody special, with exactly the capabilities of init.conf', async () => {
    const injected = ['$(touch /tmp/pwned)', '; id', '*', 'two words', "it's", '-x'];
    await rig.launch('caps', {
      caps: ['net_raw', 'net_admin'],
      command: ['/usr/bin/node', '-e', ONE_LINE, ...injected],
      limits: { openFiles: 300 },
    });
    const said = await report('caps');
    const netRawAndNetAdmin = '0000000000003000';
    expect(said).toMatchObject({
      Uid: '1000\t1000\t1000\t1000',
      Gid: '1000\t1000\t1000\t1000',
      Groups: '',
      CapInh: netRawAndNetAdmin,
      CapPrm: netRawAndNetAdmin,
      CapEff: netRawAndNetAdmin,
      CapBnd: netRawAndNetAdmin,
      CapAmb: netRawAndNetAdmin,
      NoNewPrivs: '1',
      Seccomp: '2',
      init: '1000',
      environment: 'HOME LANG PATH TMPDIR XDG_RUNTIME_DIR',
      limits: '300 300',
      core: '0',
      'raw socket': 'nft',
    });
    expect(said['arguments']).toBe(injected.join('|'));
    expect(said['lo']).toMatch(/ 0x9$| 0x10049$|0x49$/);
  });

  test('without capabilities there are none, and little is writable', async () => {
    await rig.launch('bare', { command: ['/usr/bin/node', '-e', ONE_LINE], limits: { memoryMib: 256 } });
    const said = await report('bare');
    expect(said).toMatchObject({
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      'raw socket': 'no nft',
      'write /x': 'EROFS',
      'write /etc/x': 'EROFS',
      'write /usr/bin/x': 'EROFS',
      'write /opt/instrument/x': 'EROFS',
      'write /run/x': 'EROFS',
      'write /run/bulkhead/x': 'EROFS',
      'write /tmp/x': 'done',
      'write /run/instrument/x': 'done',
      'fill /tmp': 'ENOSPC',
      'fill /run/instrument': 'ENOSPC',
      'execute in /tmp': 'EACCES',
    });
  });

  test('stops within a second when LXD asks it to', async () => {
    await rig.launch('stops', { command: ['/usr/bin/node', '-e', ONE_LINE] });
    await report('stops');
    const started = performance.now();
    await rig.runtime.stop('stops', { graceMs: 10_000 });
    expect(performance.now() - started).toBeLessThan(3_000);
    expect((await rig.runtime.log('stops', { lines: 50 })).join('\n')).toMatch(
      /"stopped by","value":"SIG(PWR|TERM)"/,
    );
  });
});
