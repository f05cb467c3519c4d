import { userInfo } from 'node:os';

/** Who is at the keyboard: under sudo the person, not root. */
export function loginName(): string {
  const { SUDO_USER: person } = process.env;
  if (person !== undefined && person !== '') return person;
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.() ?? 0)}`; // the user has no entry in the password file
  }
}
