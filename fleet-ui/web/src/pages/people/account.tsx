import type { Me, SessionEntry } from '@bulkhead/fleet-api';
import { Button, PasswordInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post, remove } from '../../api/http.ts';
import { mySessionsQuery } from '../../api/people.ts';
import { usePerson } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { PasswordPair } from '../../components/password-pair.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { told } from '../../components/told.ts';
import { SecondFactor } from './second-factor.tsx';
import { Tokens } from './tokens.tsx';
import './people.css';

/** What a person can see and change of themselves. */
export function Account() {
  const me = usePerson();
  if (me === null) return null;
  return (
    <Page title="Your account" about={`${me.displayName} signs in as ${me.name}.`}>
      <div className="columns">
        {me.kind === 'sso' ? (
          <div className="card">
            <h2>Signing in</h2>
            <p>
              You sign in at your organisation’s identity provider, which also keeps your password and second
              factor.
            </p>
          </div>
        ) : (
          <>
            <PasswordChange />
            <SecondFactor me={me} />
          </>
        )}
      </div>
      <Sessions />
      <Tokens me={me} />
    </Page>
  );
}

function PasswordChange() {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [round, setRound] = useState(0);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: () => post<Me>('/session/password', { current, next }),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      setRound(round + 1);
      await queries.invalidateQueries({ queryKey: mySessionsQuery.queryKey });
      told('The password is changed. Your other browsers are signed out.');
    },
  });
  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      <h2>Password</h2>
      <PasswordInput
        label="Present password"
        value={current}
        onChange={(event) => setCurrent(event.currentTarget.value)}
        autoComplete="current-password"
        required
      />
      <PasswordPair key={round} onChange={setNext} label="New password" />
      {change.error !== null && <Problem error={change.error} />}
      <div>
        <Button type="submit" loading={change.isPending} disabled={next === ''}>
          Change it
        </Button>
      </div>
    </form>
  );
}

function Sessions() {
  const sessions = useQuery(mySessionsQuery);
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: (id: string | undefined) =>
      id === undefined ? post('/session/end-others') : remove(`/session/list/${id}`),
    onSuccess: () => queries.invalidateQueries({ queryKey: mySessionsQuery.queryKey }),
  });
  return (
    <Section
      title="Where you are signed in"
      actions={
        <Button size="xs" variant="default" loading={end.isPending} onClick={() => end.mutate(undefined)}>
          End all but this one
        </Button>
      }
    >
      {end.error !== null && <Problem error={end.error} />}
      <Loaded query={sessions} what="sessions">
        {({ sessions: all }) => (
          <div className="table-wrap" tabIndex={0} role="region" aria-label="Sessions">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Browser</th>
                  <th scope="col">From</th>
                  <th scope="col">Since</th>
                  <th scope="col">Last used</th>
                  <th scope="col">End</th>
                </tr>
              </thead>
              <tbody>
                {all.map((one) => (
                  <tr key={one.id}>
                    <td>
                      {agentWords(one)} {one.current && <Badge tone="good">this one</Badge>}
                    </td>
                    <td>{one.address}</td>
                    <td className="nowrap">
                      <Ago time={one.createdAt} />
                    </td>
                    <td className="nowrap">
                      <Ago time={one.lastSeenAt} />
                    </td>
                    <td>
                      {!one.current && (
                        <Button size="compact-xs" variant="default" onClick={() => end.mutate(one.id)}>
                          End
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </Section>
  );
}

function agentWords({ agent, instrumentOrigin }: SessionEntry): string {
  const browser = /(Firefox|Edg|Chrome|Safari)\/[\d.]+/.exec(agent)?.[1] ?? (agent.slice(0, 40) || 'unknown');
  return instrumentOrigin === null ? browser : `${browser}, page ${instrumentOrigin}`;
}
