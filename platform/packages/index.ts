export {
  asksInWords,
  capabilityWords,
  destinationWords,
  downloadWords,
  everythingAsked,
  pageWords,
  periodWords,
} from './asks.ts';
export { loadPackage, type LoadedPackage } from './load-package.ts';
export { parseManifest } from './manifest-file.ts';
export { placeApp, pruneApps } from './place-app.ts';
export { checkImageArchive, type CheckedImage } from './check-image-archive.ts';
export { IMAGE_LIMITS, type ImageLimits } from './image-policy.ts';
