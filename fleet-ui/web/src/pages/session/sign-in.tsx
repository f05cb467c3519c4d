import type { Me, SignInRequest } from '@bulkhead/fleet-api';
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { API, ApiError, post } from '../../api/http.ts';
import { sessionQuery } from '../../api/session.ts';
import { Alone } from '../../components/alone.tsx';
import { Leave } from '../../components/leave.tsx';
import { Problem } from '../../components/problem.tsx';
import { localPath } from '../../text/local-path.ts';

const CODE_NEEDED = 'FLEET_PEOPLE_CODE_NEEDED';

/** Password, then the second factor where one is set; or the organisation's own sign-in. */
export function SignIn() {
  const { next, failed } = useSearch({ from: '/sign-in' });
  const session = useQuery(sessionQuery);
  const target = localPath(next);
  if (session.error !== null) {
    return (
      <Alone title="Sign in">
        <Problem error={session.error} retry={() => void session.refetch()} />
      </Alone>
    );
  }
  if (session.data === undefined) return null;
  if (session.data.setUpNeeded) return <Leave to="/set-up" />;
  if (session.data.person !== null) return <Leave to={target} />;
  return (
    <Alone title="Sign in">
      {failed !== undefined && (
        <div className="problem" role="alert">
          Signing in at the identity provider did not work ({failed.slice(0, 80)}). Try again; if it stays so,
          an administrator finds the reason under Audit.
        </div>
      )}
      <PasswordForm />
      {session.data.sso !== null && (
        <>
          <p className="or">or</p>
          <Button component="a" variant="default" fullWidth href={`${API}/session/sso`}>
            Sign in with {session.data.sso.label}
          </Button>
        </>
      )}
      <p className="quiet after">
        Invited, or the password is lost? <Link to="/invitation">Enter the code of an invitation</Link>;
        administrators make them under People.
      </p>
    </Alone>
  );
}

function PasswordForm() {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [second, setSecond] = useState<'none' | 'code' | 'recovery'>('none');
  const signIn = useMutation({
    mutationFn: (body: SignInRequest) => post<Me>('/session', body),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
    onError: (error) => {
      if (error instanceof ApiError && error.code === CODE_NEEDED && second === 'none') setSecond('code');
    },
  });
  const asked = signIn.error instanceof ApiError && signIn.error.code === CODE_NEEDED;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        signIn.mutate({
          name: name.trim().toLowerCase(),
          password,
          ...(second === 'code' ? { code: code.replaceAll(/\s/g, '') } : {}),
          ...(second === 'recovery' ? { recoveryCode: code.trim() } : {}),
        });
      }}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
        required
      />
      <PasswordInput
        label="Password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        autoComplete="current-password"
        required
      />
      {second !== 'none' && (
        <>
          <TextInput
            key={second}
            label={second === 'code' ? 'Code of your authenticator' : 'Recovery code'}
            description={
              second === 'code' ? 'Six digits' : 'One of those that you were given; each works once'
            }
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            autoComplete="one-time-code"
            inputMode={second === 'code' ? 'numeric' : 'text'}
            spellCheck={false}
            autoFocus
            required
            classNames={{ input: 'mono' }}
          />
          <Button
            variant="subtle"
            size="xs"
            onClick={() => {
              setCode('');
              setSecond(second === 'code' ? 'recovery' : 'code');
            }}
          >
            {second === 'code'
              ? 'The device is not at hand: use a recovery code'
              : 'Use the authenticator instead'}
          </Button>
        </>
      )}
      {signIn.error !== null && !asked && <Problem error={signIn.error} />}
      <Button type="submit" loading={signIn.isPending}>
        Sign in
      </Button>
    </form>
  );
}
