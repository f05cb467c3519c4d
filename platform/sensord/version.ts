/** Version of the platform; the same as in package.json (a test compares them). */
export const SENSORD_VERSION = '0.1.0';
