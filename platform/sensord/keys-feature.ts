import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseStrict } from '../kernel/index.ts';
import { ensureKeyFile, makeRecoveryCode } from '../storage/index.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { takeSecrets, withSecret } from './key-secret.ts';

const SlotSchema = z.strictObject({ id: z.coerce.number().int().min(1).max(9999) });
const KeyFileSchema = z.strictObject({
  path: z.string().max(200).refine(isAbsolute, 'must be an absolute path'),
});

/** The ways to the sensor key, over the local API of a sensor that is unlocked. */
export function keysFeature({ rooms, publish }: FeatureContext): Feature {
  const { keys } = rooms;
  const told = <T>(what: string, result: T): T => {
    publish('keys.changed', { what, sensorKey: keys.state.sensorKey, slots: keys.state.slots.length });
    return result;
  };
  return {
    name: 'keys',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    routes: (app: FastifyInstance) => {
      takeSecrets(app);
      app.get('/v1/keys', () => keys.state);
      app.post('/v1/keys/unlock', async (request) =>
        withSecret(request.body, () => Promise.resolve({ unlocked: true, already: true })),
      );
      app.post('/v1/keys/rotate', async () => told('rotated', await keys.rotate()));
      app.post('/v1/keys/slots/passphrase', async (request) =>
        withSecret(request.body, async (secret) =>
          told('passphrase added', await keys.addSlot({ kind: 'passphrase', label: 'passphrase', secret })),
        ),
      );
      app.post('/v1/keys/slots/key-file', async (request) => {
        const { path } = parseStrict(KeyFileSchema, request.body, 'SENSORD_REQUEST_INVALID', 'The request');
        await ensureKeyFile(path);
        return withSecret(await readFile(path), async (secret) =>
          told('key file added', await keys.addSlot({ kind: 'key-file', label: path, secret })),
        );
      });
      app.post('/v1/keys/slots/recovery', async () => {
        const { code, secret } = makeRecoveryCode();
        return withSecret(secret, async () => {
          const slot = await keys.addSlot({ kind: 'recovery', label: 'recovery code', secret });
          return { ...told('recovery code added', slot), code };
        });
      });
      app.post('/v1/keys/slots/:id/remove', async (request) => {
        const { id } = parseStrict(SlotSchema, request.params, 'SENSORD_REQUEST_INVALID', 'The request');
        return told(`slot ${String(id)} removed`, await keys.removeSlot(id));
      });
    },
    attention: () => {
      const { mode, slots } = keys.state;
      return mode === 'slots' && slots.length === 1 && slots[0]?.kind === 'recovery'
        ? ['the recovery code is the only way to the sensor key; add a key file or a passphrase']
        : [];
    },
  };
}
