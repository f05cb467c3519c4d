import { describe, expect, test } from 'vitest';
import { forwardsAsWanted, guardFaults, type Guard } from '../../../platform/network/guard-rules.ts';
import { parseTables } from '../../../platform/network/nft.ts';

const monitor: Guard = {
  kind: 'monitor',
  table: 'bh_mon_lan',
  device: 'eth1',
  ifindex: 7,
  input: { link: 'bhi-01234567', exists: true },
};

/** As nft 1.0.6 prints it. */
const STANDING = `table netdev bh_mon_lan {
	comment "ifindex 7"
	counter egress {
		packets 12 bytes 720
	}

	counter forwarded {
		packets 3 bytes 180
	}

	chain out {
		type filter hook egress device "eth1" priority -500; policy drop;
		counter name "egress"
	}

	chain in {
		type filter hook ingress device "eth1" priority -500; policy drop;
		counter name "forwarded" dup to "bhi-01234567"
	}
}
table netdev others {
	chain x {
		type filter hook ingress devices = { "lo" } priority filter; policy accept;
	}
}
`;

const faults = (text: string, ifindex: number | undefined = 7): string[] =>
  guardFaults(monitor, parseTables(text).get('bh_mon_lan'), ifindex);

describe('the guard of a monitor interface', () => {
  test('stands when everything is as it was installed; counters are read', () => {
    expect(faults(STANDING)).toEqual([]);
    const tables = parseTables(STANDING);
    expect(tables.get('bh_mon_lan')?.counters.get('egress')).toEqual({ packets: 12, bytes: 720 });
    expect(tables.get('others')?.chains.get('x')).toMatchObject({
      device: 'lo',
      priority: 0,
      policy: 'accept',
    });
  });

  test.each([
    [
      'egress policy',
      'priority -500; policy drop;\n\t\tcounter name "egress"',
      'priority -500; policy accept;\n\t\tcounter name "egress"',
      'the chain out of bh_mon_lan does not drop',
    ],
    ['egress chain', 'chain out', 'chain elsewhere', 'the chain out of bh_mon_lan is gone'],
    [
      'a rule before ours',
      'counter name "egress"',
      'accept\n\t\tcounter name "egress"',
      'the chain out of bh_mon_lan has other rules',
    ],
    ['other target', 'dup to "bhi-01234567"', 'dup to "eth0"', 'the chain in of bh_mon_lan has other rules'],
    [
      'another device',
      'hook egress device "eth1"',
      'hook egress device "eth2"',
      'the chain out of bh_mon_lan is not on the egress of eth1',
    ],
    [
      'later priority',
      'egress device "eth1" priority -500',
      'egress device "eth1" priority 10',
      'the chain out of bh_mon_lan is not on the egress of eth1',
    ],
    ['an older device', 'ifindex 7', 'ifindex 6', 'the table bh_mon_lan belongs to another device'],
  ])('names the fault: %s', (_, from, to, fault) => {
    expect(faults(STANDING.replace(from, to))).toEqual([fault]);
  });

  test('a device that is gone or was made anew, a table that is gone', () => {
    expect(guardFaults(monitor, parseTables(STANDING).get('bh_mon_lan'), undefined)).toEqual([
      'the device eth1 is gone',
    ]);
    expect(faults(STANDING, 8)).toEqual(['the device eth1 was made anew']);
    expect(faults('')).toEqual(['the table bh_mon_lan is gone']);
  });

  test('a copy to a capture link that vanished is no fault of the guard, but is not what is wanted', () => {
    const stale = STANDING.replace('"bhi-01234567"', '23');
    expect(faults(stale)).toEqual([]);
    expect(forwardsAsWanted(monitor, parseTables(stale).get('bh_mon_lan'))).toBe(false);
    expect(forwardsAsWanted(monitor, parseTables(STANDING).get('bh_mon_lan'))).toBe(true);
  });
});
