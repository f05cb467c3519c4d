import type { LinkView, Sensor } from '@bulkhead/fleet-api';
import type { Tone } from '../../components/badge.tsx';

/** How a sensor stands, in a word, with what that means. Lower `order` is more urgent. */
export interface Standing {
  tone: Tone;
  word: string;
  words: string;
  order: number;
}

type Known = Pick<Sensor, 'state' | 'attached' | 'certificate' | 'clone' | 'returns' | 'lastSeen'>;

/** The most urgent of what is known about a sensor. Pure. */
export function standingOf(sensor: Known, link?: Pick<LinkView, 'attached'>, healthy?: boolean): Standing {
  const attached = link?.attached ?? sensor.attached;
  if (sensor.state === 'revoked') {
    return {
      tone: 'idle',
      word: 'revoked',
      words: 'Its certificate was revoked; it cannot connect any more.',
      order: 9,
    };
  }
  if (sensor.clone !== undefined)
    return { tone: 'bad', word: 'there twice', words: sensor.clone.text, order: 0 };
  if (sensor.returns.some(({ state }) => state === 'waiting')) {
    return {
      tone: 'warn',
      word: 'asks to return',
      words: 'It was away too long and asks to come back: confirm or refuse it.',
      order: 1,
    };
  }
  if (sensor.state === 'mapping') {
    return {
      tone: 'warn',
      word: 'to be mapped',
      words: 'New hardware: say which of its network interfaces is which.',
      order: 2,
    };
  }
  if (!attached) {
    return sensor.lastSeen === undefined
      ? { tone: 'warn', word: 'never seen', words: 'It was adopted and has not connected yet.', order: 4 }
      : {
          tone: 'bad',
          word: 'offline',
          words: 'It is not connected. It goes on watching and recording by itself.',
          order: 3,
        };
  }
  if (healthy === false) {
    return {
      tone: 'warn',
      word: 'needs attention',
      words: 'It is connected and says that something is not as it should be.',
      order: 5,
    };
  }
  return { tone: 'good', word: 'online', words: 'It is connected.', order: 7 };
}
