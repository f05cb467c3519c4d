import { expect, test } from 'vitest';
import { checkPassword } from '../../../fleet-ui/server/people/password-rules.ts';

const judged = (password: string, about: string[] = ['ada', 'Ada Lovelace']) => {
  try {
    checkPassword(password, about);
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.for([
  'seven mice in a teapot',
  'tq5-vnw8-fk2p',
  'Grünkohl mit Pinkel',
  '我们在这里吃了很多很好的面条',
  'correct horse battery staple!! 7 no',
  'ada likes her tea at five',
  'all lower case words',
  '938 417 205 663',
])('is taken: %s', (password) => {
  expect(judged(password)).toBe('taken');
});

test.for([
  ['too short', 'kx3$Lq9!vB'],
  ['too short, counted as people count', '🐭🐭🐱🐶🦊'],
  ['one key', 'aaaaaaaaaaaaaaaa'],
  ['few keys', 'abababababab'],
  ['a piece again and again', 'tea!Tea!tea!tea!'],
  ['the name', 'ada-ada-ada-1'],
  ['the name and what belongs to it', 'Ada.Lovelace.99'],
  ['the first part of an address', 'grace.hopper!1'],
  ['leaked', 'Password12345'],
  ['leaked, in other signs', 'P4ssw0rd2026!'],
  ['leaked, by a comic', 'correct horse battery staple'],
  ['of this product', 'bulkhead-2026'],
  ['counted up', '123456789012'],
  ['counted down', '987654321098'],
  ['along the keyboard', 'qwertyuiop asdf'],
  ['the alphabet', 'ABCDEFGHIJKLM'],
])('is refused, %s: %s', ([, password]) => {
  expect(judged(password!, ['ada', 'Ada Lovelace', 'grace.hopper@example.org'])).toBe(
    'FLEET_PEOPLE_PASSWORD_WEAK',
  );
});
