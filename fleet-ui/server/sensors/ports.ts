import type { Hardware } from '@bulkhead/platform/contracts';

/** The link, as far as this room needs it. Others implement it. */
export interface SensorLinks {
  attached(sensor: string): boolean;
  /** Hands a configuration to an attached sensor; what became of it comes as `configResult`. */
  desire(
    sensor: string,
    revision: number,
    yaml: string,
    author: string,
    reason: string,
  ): Promise<void> | void;
  /** The document that is in force on an attached sensor, YAML: `GET /v1/config`. */
  readConfig?(sensor: string): Promise<string>;
}

/** What the link tells this room. */
export interface AttachedSensor {
  sensor: string;
  /** Of the certificate that it showed. */
  serial: string;
  version: string;
  address: string;
  /** Revision of the fleet's configuration that is in force on it; 0 = none came from the fleet yet. */
  configRevision: number;
  hardware?: Hardware | undefined;
}

export interface ConfigResultOf {
  revision: number;
  ok: boolean;
  code: string;
  message: string;
  sensorRevision?: number | undefined;
}

/** Who does something. */
export interface Actor {
  id: string | null;
  name: string;
}

/** The audit log. Never secrets. */
export interface Audit {
  write(line: {
    person?: Actor;
    action: string;
    target?: string;
    address?: string;
    outcome?: 'done' | 'refused' | 'failed';
    code?: string;
    facts?: Record<string, string | number | boolean>;
  }): void;
}

/** A line of text for histories: no line breaks, terminal escapes or changes of direction that could forge other lines. */
export function oneLine(text: string, characters = 500): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').replaceAll(/ +/g, ' ');
  return [...clean.trim()].slice(0, characters).join('');
}
