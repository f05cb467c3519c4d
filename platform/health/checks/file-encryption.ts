import { exists, kernelOption } from '../machine-files.ts';
import type { Finding, HealthCheck } from '../types.ts';

/** fscrypt in the kernel and in ext4. */
export const fileEncryption: HealthCheck = {
  code: 'file-encryption',
  title: 'File encryption',
  async run(): Promise<Finding> {
    if (await exists('/sys/fs/ext4/features/encryption')) {
      return { severity: 'ok', text: 'ext4 has file encryption (fscrypt).' };
    }
    const option = await kernelOption('CONFIG_FS_ENCRYPTION');
    if (option === 'y' && !(await exists('/sys/fs/ext4'))) {
      return {
        severity: 'ok',
        text: 'The kernel has file encryption; ext4 is loaded when it is first used.',
      };
    }
    return {
      severity: option === 'unknown' ? 'warning' : 'error',
      text:
        option === 'unknown'
          ? 'It cannot be seen whether this kernel has file encryption for ext4, which volumes need.'
          : 'This kernel has no file encryption for ext4 (CONFIG_FS_ENCRYPTION), so no volume can be opened.',
      hint: "Use a kernel with CONFIG_FS_ENCRYPTION (all of Debian's have it).",
    };
  },
};
