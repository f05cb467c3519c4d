export { sensorClient, type SensorClient } from './client.ts';
export { EXIT } from './exit-codes.ts';
