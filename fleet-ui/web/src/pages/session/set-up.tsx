import type { Me, SetUpRequest } from '@bulkhead/fleet-api';
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { post } from '../../api/http.ts';
import { sessionQuery } from '../../api/session.ts';
import { Alone } from '../../components/alone.tsx';
import { PasswordPair } from '../../components/password-pair.tsx';
import { Leave } from '../../components/leave.tsx';
import { Problem } from '../../components/problem.tsx';

/** The first person of a new fleet: an administrator, with a password of their own. There is no password to begin with. */
export function SetUp() {
  const session = useQuery(sessionQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [password, setPassword] = useState('');
  const setUp = useMutation({
    mutationFn: (body: SetUpRequest) => post<Me>('/session/set-up', body),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await navigate({ to: '/' });
    },
  });
  if (session.error !== null) {
    return (
      <Alone title="Set up this fleet">
        <Problem error={session.error} retry={() => void session.refetch()} />
      </Alone>
    );
  }
  if (session.data?.setUpNeeded === false && !setUp.isPending && !setUp.isSuccess) {
    return session.data.person === null ? (
      <Alone title="This fleet is set up">
        <p>
          Somebody has done it already. <Link to="/sign-in">Sign in</Link>, or ask an administrator for an
          invitation.
        </p>
      </Alone>
    ) : (
      <Leave to="/" />
    );
  }
  return (
    <Alone title="Set up this fleet">
      <p className="about">
        You become its first administrator. fleetd printed a set-up code when it started; it proves that this
        machine is yours.
      </p>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          setUp.mutate({
            code: code.trim(),
            name: name.trim(),
            password,
            ...(displayName.trim() === '' ? {} : { displayName: displayName.trim() }),
          });
        }}
      >
        <TextInput
          label="Set-up code"
          description="fleetd shows it in its terminal or log each time it starts, until the fleet is set up"
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          required
          classNames={{ input: 'mono' }}
        />
        <TextInput
          label="Name to sign in with"
          description="Lower-case letters, digits and . _ @ + -"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
        <TextInput
          label="Your name, as others see it"
          value={displayName}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
          autoComplete="name"
        />
        <PasswordPair onChange={setPassword} />
        {setUp.error !== null && <Problem error={setUp.error} />}
        <Button type="submit" loading={setUp.isPending} disabled={password === ''}>
          Set up the fleet
        </Button>
      </form>
    </Alone>
  );
}
