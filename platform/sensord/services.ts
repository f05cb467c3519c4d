import type { DesiredInstrument } from './desired.ts';

/**
 * What an instrument may ask of the platform on the bus (`platform.<instrument>.<service>`). It follows from the rights that
 * it has anyway, so nobody grants a service by itself. Sorted.
 */
export function servicesOf({
  rights,
  active,
  manifest,
}: Pick<DesiredInstrument, 'rights' | 'active' | 'manifest'>): string[] {
  const services: string[] = [];
  if (rights.deliver.length > 0 || rights.fetch) services.push('deliver');
  // Asking is not getting: what is asked for waits until somebody approves it.
  if (manifest.asks.requestsDownloads) services.push('download.request');
  // What became of the commands that it answered.
  if (rights.accept.length > 0) services.push('journal');
  if (active.length > 0) services.push('resolve');
  return services;
}
