import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `KERNEL_`. */
export const KERNEL_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  KERNEL_COMMAND_FAILED: {
    title: 'A program that the sensor uses failed.',
    hint: 'Read its message; `bulkhead doctor` checks the programs and the kernel.',
  },
  KERNEL_COMMAND_MISSING: {
    title: 'A program that the sensor uses is not installed.',
    hint: 'Run scripts/setup, or install the package that provides it.',
  },
  KERNEL_COMMAND_TIMEOUT: {
    title: 'A program that the sensor uses did not finish in time.',
    hint: 'Check the load of the machine and the kernel log; the sensor tries again.',
  },
  KERNEL_SITE_INVALID: {
    title: 'A name from which the sensor derives its own names is not usable.',
    hint: 'Use 2-4 characters of a-z and 0-9.',
  },
  KERNEL_WAIT_TIMEOUT: {
    title: 'Something that should have happened did not happen in time.',
    hint: 'Read what was waited for; `bulkhead doctor` may name the cause.',
  },
});
