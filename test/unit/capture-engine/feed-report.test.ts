import { describe, expect, test } from 'vitest';
import {
  countConversations,
  fillOf,
  readFeedState,
  vlansOf,
} from '../../../instruments/capture-engine/src/feed-report.ts';
import {
  MAX_DIRECTIONS,
  ONE_IN,
  renderFeedRules,
} from '../../../instruments/capture-engine/src/feed-rules.ts';

const set = (name: string, elem: unknown[]) => ({ set: { family: 'netdev', name, elem } });
const key = (...concat: unknown[]) => ({ elem: { val: { concat }, expires: 20 } });
const state = (...entries: unknown[]) =>
  readFeedState(JSON.stringify({ nftables: [{ metainfo: {} }, ...entries] }));

describe('what stands in the sets', () => {
  test('a conversation is one-sided when the way back is not in the set', () => {
    const both = state(
      set('in0_four', [
        key('10.0.0.1', '10.0.0.2', 'tcp', 1000, 80),
        key('10.0.0.2', '10.0.0.1', 'tcp', 80, 1000),
        key('10.0.0.1', '10.0.0.2', 'tcp', 1001, 80), // never answered
        key('10.0.0.1', '10.0.0.2', 'udp', 80, 1000), // another protocol is another conversation
      ]),
      set('in0_six', [key('fd00::1', 'fd00::2', 'tcp', 1, 2), key('fd00::2', 'fd00::1', 'tcp', 2, 1)]),
    );
    expect(countConversations(both, 'in0')).toEqual({ total: 4, oneSided: 2 });
    expect(countConversations(both, 'in1')).toEqual({ total: 0, oneSided: 0 });
  });

  test('VLANs with the time since each was seen; a set without elements is empty', () => {
    const seen = state(
      set('in0_vlans', [{ elem: { val: 20, expires: 3590 } }, { elem: { val: 7, expires: 3600 } }]),
      { set: { name: 'in1_vlans' } },
    );
    expect(vlansOf(seen, 'in0')).toEqual([
      { id: 7, agoS: 0 },
      { id: 20, agoS: 10 },
    ]);
    expect(vlansOf(seen, 'in1')).toEqual([]);
  });

  test('the fuller family says how full it is', () => {
    const elements = Array.from({ length: MAX_DIRECTIONS / 2 }, (_, n) =>
      key('10.0.0.1', '10.0.0.2', 'tcp', n, 80),
    );
    expect(fillOf(state(set('in0_four', elements)), 'in0')).toBe(0.5);
  });
});

test('every set is bounded, every chain lets all pass, and only level 0 looks at every conversation', () => {
  for (const level of ONE_IN.keys()) {
    const text = renderFeedRules(['in0', 'in1'], level, 30);
    expect(text.match(/^ {2}set /gm)).toHaveLength(8);
    expect(text.match(/size \d+;/g)).toHaveLength(8);
    expect(text.match(/policy accept;/g)).toHaveLength(2);
    expect(text).not.toMatch(/\b(drop|reject|dup|fwd)\b/);
    expect(text.includes('symhash mod')).toBe(level > 0);
  }
});
