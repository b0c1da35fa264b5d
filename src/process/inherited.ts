// Sockets that systemd opened for us (socket activation, sd_listen_fds): they lie at descriptor 3 and
// above, and three variables say how many there are, what they are called and for which process.

export interface InheritedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit; `unknown` where systemd was told none. */
  readonly name: string;
}

const firstFd = 3;
/** More than anybody configures; a larger number is a mistake, not a wish. */
const mostSockets = 1024;

/**
 * What was passed to the process `pid`, in order. Takes the variables out of `env` in any case, so that
 * no child believes they are meant for it. Throws when they contradict themselves.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): InheritedSocket[] {
  const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = env;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete env[name];
  if (forPid === undefined || count === undefined) return [];
  // Meant for somebody before us who started us, as `systemd-socket-activate sh -c …` does.
  if (wholeNumber("LISTEN_PID", forPid) !== pid) return [];
  const sockets = wholeNumber("LISTEN_FDS", count);
  if (sockets > mostSockets) {
    throw new Error(
      `LISTEN_FDS=${count} is more than the ${mostSockets} sockets one process takes`,
    );
  }
  const given = names === undefined || names === "" ? [] : names.split(":");
  if (given.length !== 0 && given.length !== sockets) {
    throw new Error(`LISTEN_FDNAMES=${names} has ${given.length} names for ${sockets} sockets`);
  }
  return Array.from({ length: sockets }, (_, index) => ({
    fd: firstFd + index,
    name: given[index] ?? "unknown",
  }));
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) {
    throw new Error(`${name}=${text} is not a number; whoever starts us with sockets must set it`);
  }
  return Number(text);
}
