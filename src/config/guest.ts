// Where a container's files are, as the rest of the program sees it: `container: lxc/blog` of a service names one, and the
// primary says where it is now. Plain data, part of the Snapshot.

/** By `PROVIDER/NAME`, as services write it; only those that some service names. */
export type Guests = Readonly<Record<string, GuestPlace>>;

export interface GuestPlace {
  /** Folder of its root file system on this machine, absolute; undefined = it has none that could be opened from here. */
  readonly rootfs: string | undefined;
  /** Its first process while it runs: through it all of its mounts are seen. undefined = it does not run. */
  readonly init: GuestInit | undefined;
  /** Why neither is there, a sentence for operators; "" = nothing is the matter. */
  readonly why: string;
}

export interface GuestInit {
  /** As this machine counts. */
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: a number that was given to somebody else since is another process. */
  readonly startedAt: string;
}

export const noGuests: Guests = {};
