import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { SensorIdSchema } from '@bulkhead/fleet-api';
import { BulkheadError, describeError, parseStrict } from '@bulkhead/platform/kernel';
import { HubConfigSchema } from '../events/index.ts';
import { OidcConfigSchema, type OidcConfig } from '../people/index.ts';

const HostNameSchema = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'must be a host name in lower case',
  );
const NameOrAddressSchema = z.union([
  HostNameSchema,
  z.string().refine((text) => isIP(text) !== 0, 'must be an address'),
]);
const AddressSchema = z.string().refine((text) => isIP(text) !== 0, 'must be an IP address');
const PortSchema = z.number().int().min(0).max(65_535);
const PathSchema = z.string().min(1).max(4_096);
const LOOPBACK = new Set(['127.0.0.1', '::1']);

/** fleetd's configuration file. Everything has a default; unknown keys are refused. */
export const FleetConfigSchema = z
  .strictObject({
    /** Database, CA keys, events. Belongs to fleetd's user alone. */
    stateDir: PathSchema.default('/var/lib/bulkhead-fleet'),
    /** By which people and sensors reach this fleet, besides the machine's own name and addresses. The first is the one shown. */
    names: z.array(NameOrAddressSchema).max(32).default([]),
    /** Instrument pages are at `<instrument>.<sensor>.<baseDomain>`; the domain needs a wildcard entry in DNS. */
    baseDomain: HostNameSchema.optional(),
    /** For people, the web app, the API and the enrolment of sensors. */
    web: z
      .strictObject({
        address: AddressSchema.default('0.0.0.0'),
        port: PortSchema.default(8443),
        /** HTTP without TLS: all on one machine only, so the address must be loopback. */
        plainHttp: z.boolean().default(false),
        /** A certificate of your own (PEM, the whole chain); without, the fleet's own CA issues one. */
        certificate: z.strictObject({ certFile: PathSchema, keyFile: PathSchema }).optional(),
        /** Connections that one address may hold. A reverse proxy before the fleet is one address. */
        connectionsPerAddress: z.number().int().min(16).max(4_096).default(512),
        /** For people who reach the fleet by an address: the page of an instrument then has a port in place of a name of its own. */
        pagePorts: z
          .strictObject({ first: PortSchema.min(1), last: PortSchema.min(1) })
          .refine(
            ({ first, last }) => first <= last && last - first < 1_000,
            'must be a range of at most 1,000 ports',
          )
          .default({ first: 8450, last: 8499 }),
      })
      .prefault({}),
    /** For sensors: gRPC with mutual TLS. */
    link: z
      .strictObject({
        address: AddressSchema.default('0.0.0.0'),
        port: PortSchema.default(8444),
        /** Where sensors dial, when it is not this machine's name and port: `fleet.example.org:443`. */
        publicAddress: z
          .string()
          .regex(/^(\[[0-9a-f:]+\]|[a-z0-9.-]+):\d{1,5}$/, 'must be host:port')
          .optional(),
      })
      .prefault({}),
    events: z
      .strictObject({
        /** The nats-server program, version 2.12 or newer; without: the one that is installed with Bulkhead. */
        natsServer: PathSchema.optional(),
        /** What sensors brought and the store has not taken in yet; when it is full, they keep theirs. */
        bufferMib: z.number().int().min(16).max(65_536).default(1_024),
        retentionDays: z.number().int().min(1).max(3_650).default(90),
        /** The oldest go first when the store has grown to this. */
        storeMib: z.number().int().min(64).max(4_194_304).default(20_480),
      })
      .prefault({}),
    /** Where sensors bring their events, when that is more than one server. */
    hub: HubConfigSchema.prefault({}),
    /**
     * Sensors on this very machine whose sockets of instruments' pages fleetd may open: `dir` is RUN/ui of the sensor. Spares the
     * way through the link, and with it that the sensor checks once more who may.
     */
    directPages: z
      .array(z.strictObject({ sensor: SensorIdSchema, dir: PathSchema }))
      .max(16)
      .default([]),
    /** Signing in at an identity provider, beside passwords. */
    oidc: OidcConfigSchema.omit({ clientSecret: true })
      .extend({
        /** Holds the client's secret in one line; only fleetd's user can read it. */
        clientSecretFile: PathSchema.optional(),
      })
      .optional(),
    /** The built web app; default: `fleet-web` beside the program. */
    pagesDir: PathSchema.optional(),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine((config, issues) => {
    if (config.web.plainHttp && !LOOPBACK.has(config.web.address)) {
      issues.addIssue({
        code: 'custom',
        path: ['web', 'address'],
        message: 'plain HTTP is for one machine: say 127.0.0.1, or leave plainHttp out',
      });
    }
    if (config.web.plainHttp && config.web.certificate !== undefined) {
      issues.addIssue({
        code: 'custom',
        path: ['web', 'certificate'],
        message: 'plain HTTP has no certificate',
      });
    }
  });

export type FleetConfig = z.output<typeof FleetConfigSchema> & {
  /** Where it was read from, for people. */
  configFile?: string;
};

/**
 * Reads the configuration; relative paths in it are relative to the file.
 * @throws BulkheadError FLEET_FLEETD_CONFIG_UNREADABLE, FLEET_FLEETD_CONFIG_INVALID
 */
export async function readConfig(file: string): Promise<FleetConfig> {
  let value: unknown;
  try {
    value = parse(await readFile(file, 'utf8'), { maxAliasCount: 0 }) as unknown;
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_FLEETD_CONFIG_UNREADABLE',
      message: `${file} cannot be read: ${describeError(cause).split('\n', 1)[0] ?? ''}`,
      fields: { path: file },
      cause,
    });
  }
  return { ...parseConfig(value ?? {}, dirname(resolve(file))), configFile: resolve(file) };
}

/** @param base folder for relative paths @throws BulkheadError FLEET_FLEETD_CONFIG_INVALID */
export function parseConfig(value: unknown, base: string): FleetConfig {
  const config = parseStrict(
    FleetConfigSchema,
    value,
    'FLEET_FLEETD_CONFIG_INVALID',
    "fleetd's configuration",
  );
  const at = (path: string) => resolve(base, path);
  const { certificate } = config.web;
  return {
    ...config,
    stateDir: at(config.stateDir),
    ...(config.events.natsServer === undefined
      ? {}
      : { events: { ...config.events, natsServer: at(config.events.natsServer) } }),
    ...(config.pagesDir === undefined ? {} : { pagesDir: at(config.pagesDir) }),
    ...(config.oidc?.clientSecretFile === undefined
      ? {}
      : { oidc: { ...config.oidc, clientSecretFile: at(config.oidc.clientSecretFile) } }),
    web: {
      ...config.web,
      ...(certificate === undefined
        ? {}
        : { certificate: { certFile: at(certificate.certFile), keyFile: at(certificate.keyFile) } }),
    },
  };
}

/**
 * Settings of the identity provider with the secret out of its file.
 * @throws BulkheadError FLEET_FLEETD_CONFIG_UNREADABLE
 */
export async function readOidc(config: FleetConfig): Promise<OidcConfig | undefined> {
  if (config.oidc === undefined) return undefined;
  const { clientSecretFile, ...oidc } = config.oidc;
  if (clientSecretFile === undefined) return oidc;
  try {
    return { ...oidc, clientSecret: (await readFile(clientSecretFile, 'utf8')).trim() };
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_FLEETD_CONFIG_UNREADABLE',
      message: `The client secret in ${clientSecretFile} cannot be read.`,
      fields: { pointer: '/oidc/clientSecretFile', path: clientSecretFile },
      cause,
    });
  }
}
