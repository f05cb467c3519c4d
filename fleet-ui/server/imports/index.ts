export { importsFeature, type ImportsParts } from './feature.ts';
