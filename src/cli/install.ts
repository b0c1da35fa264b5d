// `tidegate install`: makes this program a service of the machine. Unit, system user, folders and a
// configuration to start from; what is there already stays as it is. Says each thing it does.

import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Account, type Terminal, findAccount, hasSystemd, tell, terminal } from "./host.ts";
import { placesBelow, readRecord, record } from "./install-record.ts";
import { faultOfPath, launcher, packaged, unitText } from "./unit.ts";

export interface InstallOptions {
  /** Who the service runs as; made when missing. */
  readonly user: string;
  readonly config: string;
  /** Put before every path, "" for the machine itself. With one, no user is made and nothing started. */
  readonly prefix: string;
  readonly dryRun: boolean;
  /** Whether to start the service, too. */
  readonly start: boolean;
  /** With the rights that files and sockets of containers take. */
  readonly guests: boolean;
}

/** Something that has to be put right first; the message says how. */
class Unfit extends Error {}

interface Task extends InstallOptions {
  readonly output: Terminal;
}

/** Returns the exit code. */
export async function install(options: InstallOptions, output = terminal): Promise<number> {
  const task = { ...options, output };
  try {
    verify(task);
    place(task);
    placeRights(task);
    return startService(task) ? 0 : 1;
  } catch (error) {
    const hint = error instanceof Unfit ? "" : "\nWhat was said above is done. Run it again.";
    const message = error instanceof Error ? error.message : String(error);
    output.complain(`tidegate install: ${message}${hint}`);
    return 1;
  }
}

function verify({ user, config, prefix, dryRun, guests }: InstallOptions): void {
  if (!config.startsWith("/")) throw new Unfit(`--config must be a full path, not ${config}`);
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) {
    throw new Unfit(`"${user}" is not a name for a system user; use a-z, 0-9, _ and -`);
  }
  if (prefix !== "" || dryRun) return;
  if (process.geteuid?.() !== 0) {
    throw new Unfit("needs root, as it writes to /etc. Use sudo, or look first with --dry-run");
  }
  if (launcher.startsWith("/usr/lib/tidegate/") && existsSync("/var/lib/dpkg/info/tidegate.list")) {
    const rights =
      "; for files of containers copy /usr/share/doc/tidegate/examples/guests.conf to /etc/systemd/system/tidegate.service.d/";
    const message = "this is the Debian package, which has installed everything already";
    throw new Unfit(`${message}${guests ? rights : ""}`);
  }
  const fault = faultOfPath(launcher);
  if (fault !== undefined) {
    throw new Unfit(`${fault}. Put the program elsewhere, such as /opt/tidegate, and use it there`);
  }
  const hidden = faultOfPath(config);
  if (hidden !== undefined) throw new Unfit(`${hidden}. Choose another --config`);
}

function place(task: Task): void {
  const { prefix } = task;
  const to = placesBelow(prefix);
  const config = join(prefix, task.config);
  // First of all, as the record of everything else is in it.
  const isOurSettings = makeFolder(to.settings, task);
  const account = findAccount(task.user) ?? makeUser(task);
  const service: Owner = { uid: account?.uid, gid: account?.gid };
  const readers: Owner = { uid: 0, gid: account?.gid };
  if (isOurSettings) give(to.settings, readers, 0o750);
  if (makeFolder(to.state, task)) give(to.state, service, 0o750);
  if (makeFolder(to.logs, task)) give(to.logs, service, 0o750);
  const around = dirname(config);
  if (around !== to.settings && makeFolder(around, task)) give(around, readers, 0o750);
  if (existsSync(config)) say(task, "keeps", config);
  else if (makeFile(config, packaged("tidegate.yaml"), task)) give(config, readers, 0o640);
  const { user, config: seen } = task;
  const words = { program: launcher, config: seen, user, group: account?.group ?? user };
  say(task, "makes", to.unit);
  if (task.dryRun) return;
  mkdirSync(dirname(to.unit), { recursive: true });
  writeFileSync(to.unit, unitText(words), { mode: 0o644 });
  record(prefix, { kind: "unit", name: to.unit });
}

/** The unit itself stays without them. */
function placeRights(task: Task): void {
  const { prefix, dryRun, guests, output } = task;
  if (!guests) return;
  const { guests: path } = placesBelow(prefix);
  say(task, "makes", path);
  output.say("  with it the service may read every file and process of this machine: see the file");
  if (dryRun) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, packaged("guests.conf"), { mode: 0o644 });
  record(prefix, { kind: "unit", name: path });
}

/** Whether it was made, now or by an earlier run: only then may its owner and mode be set. */
function makeFolder(name: string, task: Task): boolean {
  if (existsSync(name)) return isInRecord(name, task);
  say(task, "makes", name);
  if (task.dryRun) return false;
  mkdirSync(name, { recursive: true });
  record(task.prefix, { kind: "folder", name });
  return true;
}

function isInRecord(name: string, { prefix, dryRun }: Task): boolean {
  return !dryRun && readRecord(prefix).some((each) => each.name === name);
}

function makeFile(name: string, text: string, task: Task): boolean {
  say(task, "makes", name);
  if (task.dryRun) return false;
  writeFileSync(name, text);
  record(task.prefix, { kind: "file", name });
  return true;
}

/** Undefined when no user is made: with a prefix, or when nothing is done. */
function makeUser(task: Task): Account | undefined {
  const { user, prefix, dryRun } = task;
  if (prefix !== "") return undefined;
  say(task, "makes", `user ${user}`);
  if (dryRun) return undefined;
  const args = ["--system", "--user-group", "--home-dir", "/var/lib/tidegate", "--no-create-home"];
  const made = tell("useradd", [...args, "--shell", "/usr/sbin/nologin", user]);
  if (made.isMissing) {
    throw new Unfit(`there is no useradd here. Make a system user ${user}, then run this again`);
  }
  if (!made.isFine) throw new Unfit(`the user ${user} could not be made: ${made.text}`);
  record(prefix, { kind: "user", name: user });
  const account = findAccount(user);
  if (account === undefined) throw new Error(`the user ${user} was made, but cannot be found`);
  return account;
}

interface Owner {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function give(path: string, { uid, gid }: Owner, mode: number): void {
  chmodSync(path, mode);
  // Below a prefix the user may not exist here, or we may not be root: whoever unpacks it gives it away.
  if (uid !== undefined && gid !== undefined && process.geteuid?.() === 0) {
    chownSync(path, uid, gid);
  }
}

function startService(task: Task): boolean {
  const { prefix, dryRun, start, config, output } = task;
  if (prefix !== "") return true;
  if (!hasSystemd()) {
    output.say(`systemd does not run here. By hand: tidegate run --config ${config}`);
    return true;
  }
  const orders = start ? ["daemon-reload", "enable --now tidegate"] : ["daemon-reload"];
  for (const order of orders) {
    say(task, "runs", `systemctl ${order}`);
    if (dryRun) continue;
    const { isFine, text } = tell("systemctl", order.split(" "));
    if (isFine) continue;
    output.complain(`tidegate install: systemctl ${order} failed: ${text}`);
    output.complain("Everything is in place. The reason may be in: journalctl -u tidegate");
    return false;
  }
  const next = start ? "systemctl status tidegate" : "systemctl enable --now tidegate";
  output.say(`next: edit ${config}, then: ${next}`);
  return true;
}

function say({ dryRun, output }: Task, verb: string, what: string): void {
  output.say(`${dryRun ? "would: " : ""}${verb} ${what}`);
}
