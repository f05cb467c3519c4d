import { Notifications } from '@mantine/notifications';

/** Where short messages appear: that something was done, never the only place where a failure is told. */
export function Toasts() {
  return <Notifications position="bottom-right" containerWidth={340} autoClose={5000} />;
}
