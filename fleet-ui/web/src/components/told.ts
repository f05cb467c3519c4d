import { notifications } from '@mantine/notifications';

/** Tells that something was done. */
export function told(message: string): void {
  notifications.show({ message, withBorder: true, closeButtonProps: { 'aria-label': 'Close' } });
}
