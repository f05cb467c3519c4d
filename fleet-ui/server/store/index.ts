export {
  bindingOption,
  checkWhole,
  copyDatabase,
  openStore,
  STORE_FILE,
  type Db,
  type Store,
  type StoreOptions,
} from './store.ts';
export type { Migration } from './migrations.ts';
