import { readOptional } from '../machine-files.ts';
import type { Finding, HealthCheck } from '../types.ts';

/** Drivers that use the processor's own AES instructions: x86, ARMv8, POWER, s390. */
const FAST = /aesni|vaes|-ce\b|aes-ce|p8_|s390/;

/** What encrypts volumes, as it decides how fast they are. */
export const cipher: HealthCheck = {
  code: 'cipher',
  title: 'Cipher driver',
  async run(): Promise<Finding> {
    const drivers = aesDrivers((await readOptional('/proc/crypto')) ?? '');
    const fast = drivers.filter((driver) => FAST.test(driver));
    if (fast.length > 0) return { severity: 'ok', text: `AES in hardware: ${fast.join(', ')}.` };
    const flags = (await readOptional('/proc/cpuinfo')) ?? '';
    const capable = /^(?:flags|Features)\s*:.*\baes\b/m.test(flags);
    return {
      severity: capable ? 'warning' : 'info',
      text: capable
        ? `The processor has AES instructions, but the kernel computes AES in software (${drivers.join(', ') || 'none loaded'}): volumes read and write at tens instead of hundreds of MB/s and cost processor time.`
        : `This processor has no AES instructions the kernel could use; AES is computed in software (${drivers.join(', ') || 'none loaded'}), so volumes read and write at tens of MB/s.`,
      ...(capable ? { hint: 'Load the driver (modprobe aesni_intel), or use a kernel that has it.' } : {}),
    };
  },
};

/** Drivers of plain AES and of AES-XTS in /proc/crypto (proc(5)): blocks of `key : value` lines. */
export function aesDrivers(text: string): string[] {
  const drivers = text.split(/\n\s*\n/).flatMap((block) => {
    const name = /^name\s*:\s*(\S+)/m.exec(block)?.[1];
    const driver = /^driver\s*:\s*(\S+)/m.exec(block)?.[1];
    return driver !== undefined && (name === 'aes' || name === 'xts(aes)') ? [driver] : [];
  });
  return [...new Set(drivers)];
}
