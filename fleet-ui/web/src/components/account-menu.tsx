import { useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { remove } from '../api/http.ts';
import { usePerson } from '../api/session.ts';
import { Disclosure } from './disclosure.tsx';
import { Icon } from './icon.tsx';

const SCHEMES = [
  ['auto', 'As the machine'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

/** Who is signed in, light or dark, and the way out. */
export function AccountMenu() {
  const person = usePerson();
  const queries = useQueryClient();
  const navigate = useNavigate();
  // Holding transitions back while the colours change would put a <style> into the page.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const signOut = async () => {
    await remove('/session').catch(() => undefined); // it may have ended already
    queries.clear();
    await navigate({ to: '/sign-in' });
  };
  const roles = [...new Set(person?.roles.map(({ role }) => role))].join(', ');
  return (
    <Disclosure
      label={`Account of ${person?.displayName ?? ''}`}
      button={
        <>
          <Icon name="person" />
          <span className="account-name">{person?.displayName}</span>
        </>
      }
    >
      {(close) => (
        <div className="account">
          <p className="quiet">
            {person?.name} · {roles || 'no role'}
          </p>
          <Link to="/account" onClick={close}>
            Your account
          </Link>
          <fieldset>
            <legend>Colours</legend>
            {SCHEMES.map(([value, name]) => (
              <label key={value}>
                <input
                  type="radio"
                  name="colours"
                  checked={colorScheme === value}
                  onChange={() => setColorScheme(value)}
                />
                {name}
              </label>
            ))}
          </fieldset>
          <button type="button" className="plain-button" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      )}
    </Disclosure>
  );
}
