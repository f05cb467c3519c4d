import { PasswordInput } from '@mantine/core';
import { useState } from 'react';

const LEAST = 12;

/** A new password, typed twice. Tells `onChange` the password once both agree, else nothing. */
export function PasswordPair({
  onChange,
  label = 'Password',
}: {
  onChange: (password: string) => void;
  label?: string;
}) {
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [left, setLeft] = useState(false);
  const judge = (one: string, other: string) => {
    setFirst(one);
    setSecond(other);
    onChange(one === other && one.length >= LEAST ? one : '');
  };
  const short = left && first !== '' && first.length < LEAST;
  return (
    <>
      <PasswordInput
        label={label}
        description={`At least ${String(LEAST)} characters. A few words that you remember are better than one with signs in it.`}
        value={first}
        onChange={(event) => judge(event.currentTarget.value, second)}
        onBlur={() => setLeft(true)}
        error={short ? `Has ${String(first.length)} characters; ${String(LEAST)} are needed` : undefined}
        autoComplete="new-password"
        required
      />
      <PasswordInput
        label="The same again"
        value={second}
        onChange={(event) => judge(first, event.currentTarget.value)}
        error={
          second !== '' && first !== second && second.length >= first.length ? 'The two differ' : undefined
        }
        autoComplete="new-password"
        required
      />
    </>
  );
}
