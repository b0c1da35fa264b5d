// File systems that are told apart, by the numbers that they have. Some hold no files but show what the kernel knows, or do
// something when they are looked into. Nothing of them is ever served, whoever mounted them where: in a container's /proc
// there are links that the kernel itself would follow out of it (`/proc/1/root`), and our own memory and environment;
// `/proc/kcore` is this machine's memory.

import { statfs } from "node:fs";
import { pathOf } from "./held.ts";

/** By the numbers of linux/magic.h and of the file systems' own sources. */
const kinds: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x7655821, // resctrl
  0xcafe4a11, // bpf
  0x6165676c, // pstore
  0xde5e81e4, // efivarfs
  0x62656570, // configfs
  0x65735543, // fusectl
  0x6e667364, // nfsd
  0x67596969, // rpc_pipefs
  0x42494e4d, // binfmt_misc
  0x19800202, // mqueue
  0xabba1974, // xenfs
  0x1cd1, // devpts
  0x6e736673, // namespaces
  0x50495045, // pipes
  0x534f434b, // sockets
  0x09041934, // anonymous inodes
  0x444d4142, // dma-buf
  0x5345434d, // secret memory
  0x0187, // autofs: looking into it has somebody mount something
]);

/**
 * File systems whose answers come from a program or another machine, by the same numbers. Sockets of them are not connected to:
 * Linux asks there whether we may, Node has it asked by the thread that serves everybody, and a program of a container that
 * does not answer would hold all of them up for ever (not even SIGKILL ends a call that it has taken).
 */
const answeredElsewhere: ReadonlySet<number> = new Set([
  0x65735546, // FUSE, virtiofs too
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x01021997, // 9p
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x6b414653, // AFS, the kernel's own
  0x73757245, // Coda
  0x0bd00bd0, // Lustre
  0x20030528, // OrangeFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
  0x786f4256, // folders of VirtualBox's host
]);

/** Whether what is held lies on one of the kernel's. Rejects as the system does. */
export async function isOfKernel(fd: number): Promise<boolean> {
  return kinds.has(await kindAt(fd));
}

/** Whether somebody else answers for what is held. Rejects as the system does. */
export async function isAnsweredElsewhere(fd: number): Promise<boolean> {
  return answeredElsewhere.has(await kindAt(fd));
}

function kindAt(fd: number): Promise<number> {
  return new Promise((resolve, reject) => {
    statfs(pathOf(fd), (error, facts) => {
      // Of some architectures the number is signed.
      if (error === null) resolve(facts.type >>> 0);
      else reject(error);
    });
  });
}
