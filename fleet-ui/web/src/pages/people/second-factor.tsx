import type { Me } from '@bulkhead/fleet-api';
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { post } from '../../api/http.ts';
import { sessionQuery } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Problem } from '../../components/problem.tsx';

/** Only who sets one up needs the encoder. */
const QrCode = lazy(async () => ({ default: (await import('./qr-code.tsx')).QrCode }));

/** A code of an authenticator app beside the password. */
export function SecondFactor({ me }: { me: Me }) {
  const [codes, setCodes] = useState<readonly string[] | undefined>(undefined);
  if (codes !== undefined) return <RecoveryCodes codes={codes} done={() => setCodes(undefined)} />;
  return (
    <div className="card stack">
      <h2>Second factor</h2>
      {me.totp ? <Remove me={me} /> : <Add made={setCodes} />}
    </div>
  );
}

function Add({ made }: { made: (codes: readonly string[]) => void }) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const queries = useQueryClient();
  const begin = useMutation({
    mutationFn: () => post<{ secret: string; uri: string }>('/session/totp', { password }),
    onSuccess: () => setPassword(''),
  });
  const confirm = useMutation({
    mutationFn: () =>
      post<{ recoveryCodes: string[] }>('/session/totp/confirm', { code: code.replaceAll(/\s/g, '') }),
    onSuccess: async ({ recoveryCodes }) => {
      made(recoveryCodes);
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
  if (begin.data === undefined) {
    return (
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        <p>
          <Badge tone="warn">not set</Badge> Who learns your password can sign in as you. With a second
          factor, a code of an app on your telephone is asked for as well.
        </p>
        <PasswordInput
          label="Your password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
        />
        {begin.error !== null && <Problem error={begin.error} />}
        <div>
          <Button type="submit" loading={begin.isPending}>
            Set up a second factor
          </Button>
        </div>
      </form>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <p>
        Point the camera of your authenticator app at this code. Or add the key below it (time-based, six
        digits) by typing it in, or by <a href={begin.data.uri}>opening it</a> on the device.
      </p>
      <Suspense fallback={null}>
        <QrCode
          text={begin.data.uri}
          label="QR code with the key of the second factor; the same key stands below as text"
        />
      </Suspense>
      <CopyText
        text={begin.data.secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}
        label="Key for the authenticator"
      />
      <TextInput
        label="The code that the app shows now"
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        inputMode="numeric"
        autoComplete="one-time-code"
        required
        classNames={{ input: 'mono' }}
      />
      {confirm.error !== null && <Problem error={confirm.error} />}
      <div>
        <Button type="submit" loading={confirm.isPending}>
          Confirm
        </Button>
      </div>
    </form>
  );
}

function RecoveryCodes({ codes, done }: { codes: readonly string[]; done: () => void }) {
  return (
    <div className="card stack">
      <h2>Recovery codes</h2>
      <p>
        The second factor is set. Each of these codes stands in for it once, when the device is not at hand.
        They are shown now and never again: keep them where your password is not.
      </p>
      <CopyText text={codes.join('\n')} label="Recovery codes" />
      <div>
        <Button onClick={done}>I have kept them</Button>
      </div>
    </div>
  );
}

function Remove({ me }: { me: Me }) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => post('/session/totp/remove', { password, code: code.trim() }),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
  return (
    <>
      <p>
        <Badge tone="good">set</Badge> {me.recoveryCodes} recovery codes are left.
      </p>
      <details>
        <summary>Remove it, or set it up anew</summary>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            remove.mutate();
          }}
        >
          <p className="quiet">Afterwards the password alone lets you in, and the recovery codes are void.</p>
          <PasswordInput
            label="Your password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            required
          />
          <TextInput
            label="Code"
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            autoComplete="one-time-code"
            required
          />
          {remove.error !== null && <Problem error={remove.error} />}
          <div>
            <Button type="submit" color="red" loading={remove.isPending}>
              Remove the second factor
            </Button>
          </div>
        </form>
      </details>
    </>
  );
}
