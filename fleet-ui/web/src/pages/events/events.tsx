import { Page } from '../../components/page.tsx';

export function Events() {
  return <Page title="Events">{null}</Page>;
}
