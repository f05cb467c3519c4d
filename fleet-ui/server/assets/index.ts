export { assetsFeature, type AssetsParts } from './feature.ts';
export { ASSETS_MIGRATIONS } from './labels.ts';
