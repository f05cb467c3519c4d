import { runDoctor, type Check } from '../health/index.ts';
import { site } from '../kernel/index.ts';
import { probeKernel } from '../network/index.ts';
import { hostCollisions, ID_FILES } from '../runtime/index.ts';
import { sensorClient } from './client.ts';
import { EXIT } from './exit-codes.ts';

const MARKS = { ok: 'ok     ', info: 'info   ', warning: 'WARNING', error: 'ERROR  ' } as const;

/** `bulkhead doctor`: looks at the machine; asks a running sensor only for its monitor interfaces. */
export async function doctorCommand(options: { socket: string; json?: boolean }): Promise<number> {
  // An installed sensor's command says where the package put what it ships.
  const shippedDir = process.env['BULKHEAD_SHIPPED_DIR'];
  const at = site(shippedDir === undefined ? {} : { shippedDir });
  const checks = await runDoctor({
    site: at,
    monitorDevices: await monitorDevices(options.socket),
    probePacketPath: () => probeKernel(at),
    idCollisions: () => hostCollisions(ID_FILES),
  });
  process.stdout.write(options.json === true ? `${JSON.stringify({ checks })}\n` : doctorText(checks));
  return checks.some(({ severity }) => severity === 'error') ? EXIT.failed : EXIT.ok;
}

async function monitorDevices(socket: string): Promise<string[]> {
  const client = sensorClient(socket);
  try {
    return (await client.status()).monitors.map(({ device }) => device);
  } catch {
    return []; // no sensor runs: then there is nothing to ask
  } finally {
    await client.close();
  }
}

/** Findings for people: what is wrong first, with what to do. */
export function doctorText(checks: readonly Check[]): string {
  const order = ['error', 'warning', 'info', 'ok'] as const;
  const lines = order.flatMap((severity) =>
    checks
      .filter((check) => check.severity === severity)
      .map(({ title, text, hint }) => {
        const todo = hint === undefined ? '' : `\n         -> ${hint}`;
        return `${MARKS[severity]}  ${title}: ${text}${todo}`;
      }),
  );
  const count = (severity: Check['severity']) => checks.filter((check) => check.severity === severity).length;
  return `${lines.join('\n')}\n\n${String(count('error'))} errors, ${String(count('warning'))} warnings, ${String(count('ok'))} fine\n`;
}
