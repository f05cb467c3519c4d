import type { HealthCheck } from '../types.ts';

/** An id of a container that is also somebody's on the host would give that somebody the instrument's files. */
export const idRanges: HealthCheck = {
  code: 'id-ranges',
  title: 'Id ranges',
  async run({ idCollisions }) {
    if (idCollisions === undefined) return { severity: 'info', text: 'Checked when the sensor starts.' };
    const found = await idCollisions();
    if (found.length === 0)
      return { severity: 'ok', text: 'Containers share no user or group id with anybody else.' };
    return {
      severity: 'error',
      text: `Ids of containers are also others': ${found.slice(0, 5).join('; ')}${found.length > 5 ? `; and ${String(found.length - 5)} more` : ''}.`,
      hint: 'Give them ranges of their own in /etc/subuid and /etc/subgid, then restart LXD.',
    };
  },
};
