import { Page } from '../../components/page.tsx';

export function Audit() {
  return <Page title="Audit">{null}</Page>;
}
