import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `RUNTIME_`. */
export const RUNTIME_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  RUNTIME_LXD_MISSING: {
    title: 'The container manager LXD is not installed.',
    hint: 'Run scripts/setup, or apt-get install lxd.',
  },
  RUNTIME_LXD_FAILED: {
    title: 'The LXD daemon was started and did not become ready.',
    hint: 'Read /var/log/lxd/lxd.log, or `journalctl -u lxd` where systemd runs.',
  },
  RUNTIME_CGROUPS_MISSING: {
    title: 'No control groups are mounted, so containers could not be limited.',
    hint: 'mount -t cgroup2 none /sys/fs/cgroup',
  },
  RUNTIME_DISK_FULL: {
    title: 'There is no room for the root disks of containers.',
    hint: 'Free some space in the folder that the message names.',
  },
  RUNTIME_EXISTS: {
    title: 'A container of this name exists already.',
    hint: 'The sensor removes it first; by hand: lxc delete in the project of the sensor.',
  },
  RUNTIME_SPEC_INVALID: {
    title: 'A container cannot be made as described.',
    hint: 'The message says which value is not usable; correct it in the configuration or the manifest.',
  },
  RUNTIME_SOURCE_REFUSED: {
    title: 'A container was to see a folder of the host that is not meant for it.',
    hint: 'Only folders of the sensor are shown to containers; nothing was created.',
  },
  RUNTIME_SOURCE_MISSING: {
    title: 'A folder that a container should see does not exist.',
    hint: 'Its volume may be locked; `bulkhead doctor` checks volumes.',
  },
  RUNTIME_LINK_REFUSED: {
    title: 'A container was to take a network device that the sensor did not make.',
    hint: 'Network cards never leave the host; nothing was created.',
  },
  RUNTIME_ID_RANGE_COLLISION: {
    title: 'The user ids of a container overlap those of another user of the machine.',
    hint: 'Give root ranges in /etc/subuid and /etc/subgid that no other line overlaps, and restart LXD.',
  },
  RUNTIME_IMAGE_CHANGED: {
    title: 'An image file is not the one that was checked.',
    hint: 'Build or fetch the image again.',
  },
  RUNTIME_DRIFT: {
    title: 'A container was edited behind the sensor.',
    hint: 'The sensor stops it, says so, and makes it again as configured.',
  },
  RUNTIME_START_FAILED: {
    title: 'A container could not be started.',
    hint: 'Check that its image holds all mount points and that its links and folders exist.',
  },
  RUNTIME_NOT_CONTAINED: {
    title: 'A started container lacks a part of its containment and was stopped.',
    hint: 'Check the kernel and the LXD installation with `bulkhead doctor`.',
  },
  RUNTIME_PAGE_EXPOSED: {
    title: 'The web page of an instrument could be reached by others than root and is not served.',
    hint: 'Give the named folder to root with mode 0700; the sensor tries again by itself.',
  },
  RUNTIME_NOT_RUNNING: {
    title: 'A container does not run.',
    hint: 'Its last words are in `bulkhead logs <instrument>`.',
  },
});
