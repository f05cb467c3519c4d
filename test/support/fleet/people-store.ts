import Database from 'better-sqlite3';
import { PEOPLE_MIGRATIONS } from '@bulkhead/fleet-server/people';

/** The tables of people, in memory. */
export function peopleTables(): Database.Database {
  const db = new Database(':memory:');
  db.pragma('foreign_keys = ON');
  for (const { sql } of PEOPLE_MIGRATIONS) db.exec(sql);
  return db;
}
