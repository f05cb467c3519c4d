import { readdir } from 'node:fs/promises';
import { exists, readOptional } from '../machine-files.ts';
import type { HealthCheck } from '../types.ts';

/** A clock before this was never set: the program is younger. */
const EARLIEST = Date.UTC(2025, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);
const DAEMONS = [
  'chronyd',
  'ntpd',
  'ntpsec',
  'openntpd',
  'systemd-timesyn',
  'ptp4l',
  'phc2sys',
  'VBoxService',
  'vmtoolsd',
];

/** Events are told apart by their time, and certificates and retention depend on it. */
export const clock: HealthCheck = {
  code: 'clock',
  title: 'Clock',
  async run() {
    const now = Date.now();
    if (now < EARLIEST || now > LATEST) {
      return {
        severity: 'error',
        text: `The clock says ${new Date(now).toISOString()}, which cannot be.`,
        hint: 'Set the clock and install a time service (apt-get install systemd-timesyncd, or chrony).',
      };
    }
    if (await exists('/run/systemd/timesync/synchronized'))
      return { severity: 'ok', text: 'Synchronised by systemd-timesyncd.' };
    const daemon = await runningDaemon();
    if (daemon !== undefined) return { severity: 'ok', text: `${daemon} keeps the time.` };
    return {
      severity: 'warning',
      text: 'No time service runs here: event times drift, and events of several sensors cannot be put in order.',
      hint: 'Install one: apt-get install systemd-timesyncd, or chrony.',
    };
  },
};

async function runningDaemon(): Promise<string | undefined> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const name = (await readOptional(`/proc/${pid}/comm`).catch(() => undefined))?.trim();
    if (name !== undefined && DAEMONS.includes(name)) return name;
  }
  return undefined;
}
