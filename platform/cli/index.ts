export { sensorClient, type SensorClient } from './client.ts';
export { EXIT } from './exit-codes.ts';
export { changeText, grantsText, matrixText } from './commands/grants-wording.ts';
