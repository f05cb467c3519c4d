import { createTheme } from '@mantine/core';

/** Mantine makes a dialog’s title a <header>, which would be a second banner of the page. */
const NO_BANNER = { header: { role: 'none' } };

/** Dense, and without anything that would put a style sheet into the page while it runs (locking the scroll does). */
export const theme = createTheme({
  primaryColor: 'blue',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    Menu: { defaultProps: { transitionProps: { duration: 0 } } },
    Drawer: { defaultProps: { attributes: NO_BANNER } },
    Modal: {
      defaultProps: {
        attributes: NO_BANNER,
        lockScroll: false,
        transitionProps: { duration: 0 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
  },
});
