// Tells systemd how we are (sd_notify): ready, what we do, stopping. Node.js cannot send to a unix
// datagram socket, so `systemd-notify` does, as a short-lived child (hence NotifyAccess=all in the unit).
// Whatever goes wrong there is logged and never stops us: serving does not depend on being watched.

import { execFile } from "node:child_process";
import type { Log } from "../lib/log.ts";

export interface Notifier {
  /** We serve. `status` is the line that `systemctl status` shows. */
  ready(status: string): Promise<void>;
  /** Another line; may be said as often as it changes. */
  status(status: string): Promise<void>;
  /**
   * Only another line, and no RELOADING=1: that must be taken back by READY=1, and if whoever reloads dies
   * in between the unit would hang. `systemctl reload` knows by itself when it is over. Once it is done
   * the line that `ready` was told comes back.
   */
  reloading(isDone?: boolean): Promise<void>;
  stopping(status: string): Promise<void>;
}

/** Longer than systemd takes on a busy machine; then we go on without. */
const timeoutMs = 10_000;

/**
 * A notifier that says nothing when nobody listens. Takes NOTIFY_SOCKET out of `env`, so that no child
 * that inherits it speaks in our name.
 */
export function notifier(env: NodeJS.ProcessEnv, log: Log): Notifier {
  const socket = env["NOTIFY_SOCKET"];
  delete env["NOTIFY_SOCKET"];
  const waiting = new Map<string, string>();
  let whenReady = "";
  let last: Promise<void> = Promise.resolve();
  // One after the other, as two children at once could arrive in the wrong order; and of what has to
  // wait only the latest is said, so that a storm of changes does not become a queue of processes.
  const say = (assignments: Readonly<Record<string, string>>) => {
    if (socket === undefined || socket === "") return Promise.resolve();
    for (const [name, value] of Object.entries(assignments)) waiting.set(name, value);
    last = last.then(async () => {
      if (waiting.size === 0) return;
      const words = [...waiting].map(([name, value]) => `${name}=${value}`);
      waiting.clear();
      await send(words, { ...env, NOTIFY_SOCKET: socket }, log);
    });
    return last;
  };
  return {
    ready(status) {
      whenReady = line(status);
      return say({ READY: "1", STATUS: whenReady });
    },
    status: (status) => say({ STATUS: line(status) }),
    reloading: (isDone = false) =>
      say({ STATUS: isDone ? whenReady : "reading the configuration" }),
    stopping: (status) => say({ STOPPING: "1", STATUS: line(status) }),
  };
}

/** A line end would begin another assignment. */
function line(text: string): string {
  return text.replaceAll(/[\0\r\n]+/g, " ");
}

function send(assignments: string[], env: NodeJS.ProcessEnv, log: Log): Promise<void> {
  return new Promise((resolve) => {
    execFile("systemd-notify", assignments, { env, timeout: timeoutMs }, (error, _out, stderr) => {
      if (error !== null) {
        log.warn("systemd could not be told how we are; install or repair systemd-notify", {
          message: assignments.join(" "),
          cause: stderr.trim() === "" ? error.message : stderr.trim(),
        });
      }
      resolve();
    });
  });
}
