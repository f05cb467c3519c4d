import type { AcceptInvitation as Request, Me } from '@bulkhead/fleet-api';
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { post } from '../../api/http.ts';
import { sessionQuery } from '../../api/session.ts';
import { Alone } from '../../components/alone.tsx';
import { PasswordPair } from '../../components/password-pair.tsx';
import { Problem } from '../../components/problem.tsx';

/** Who was invited chooses a password; nobody else ever knows it. */
export function AcceptInvitation() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const accept = useMutation({
    mutationFn: (body: Request) => post<{ person: Me | null }>('/session/invitation', body),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await navigate({ to: '/' });
    },
  });
  return (
    <Alone title="Choose a password">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          accept.mutate({ code: code.trim(), password });
        }}
      >
        <TextInput
          label="Code of the invitation"
          description="An administrator gave it to you. It works once."
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          required
          classNames={{ input: 'mono' }}
        />
        <PasswordPair onChange={setPassword} label="New password" />
        {accept.error !== null && <Problem error={accept.error} />}
        <Button type="submit" loading={accept.isPending} disabled={password === ''}>
          Choose it and sign in
        </Button>
      </form>
      <p className="quiet after">
        <Link to="/sign-in">Back to signing in</Link>
      </p>
    </Alone>
  );
}
