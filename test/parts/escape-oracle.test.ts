// Linux itself can look up paths below a root that nothing leads out of (openat2(2) with RESOLVE_IN_ROOT; Node cannot
// ask it to). In random trees full of links, ours finds what Linux finds.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { within } from "../harness/barrier.ts";
import { makeWorld } from "../harness/guest-world.ts";
import { needs } from "../harness/needs.ts";

const trees = 12;
const pathsOfTree = 150;

/** Answers each path with the inode of what is there, and whether that is a folder; or with nothing. */
const asking = `
use Fcntl;
$| = 1;
sysopen ROOT, shift, O_RDONLY | O_DIRECTORY or die $!;
my $how = pack "QQQ", 010000000, 0, 0x10;
while (my $path = <STDIN>) {
  chomp $path;
  my $fd;
  # Somebody on this machine renamed something meanwhile, so that it cannot be sure of "..".
  do { $fd = syscall 437, fileno(ROOT), $path, $how, 24 } while $fd < 0 && $!{EAGAIN};
  if ($fd < 0) { print $!{ENOSYS} ? "unknown\\n" : "nothing\\n"; next }
  my @facts = stat "/proc/self/fd/$fd";
  print $facts[1], -d _ ? " folder" : " file", "\\n";
  POSIX::close($fd);
}`;

test(
  "what is found is what Linux finds when it is told to stay in the root",
  {
    skip: needs("perl"),
    timeout: 60_000,
  },
  async (context) => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    context.diagnostic(`SEED=${seed}`);
    const random = numbers(seed);
    const counts = { file: 0, folder: 0, nothing: 0 };
    for (let tree = 0; tree < trees; tree++) {
      await using world = await makeWorld();
      await plant(world.root, random);
      await using linux = askLinux(world.root);
      for (let times = 0; times < pathsOfTree; times++) {
        const path = `/${textOf(random, 6)}`;
        const expected = await linux.ask(path);
        if (expected === "unknown") return context.skip("this kernel has no openat2");
        const found = await world.premises.find(path);
        let said = "nothing";
        if (found.kind === "file") {
          said = `${found.file.inode} file`;
          found.file.close();
        } else if (found.kind === "folder") {
          said = `${(await stat(world.inside(found.realPath))).ino} folder`;
        } else assert.equal(found.kind, "nothing");
        assert.equal(said, expected, `${path} in tree ${tree} of SEED=${seed}`);
        counts[found.kind] += 1;
      }
    }
    context.diagnostic(JSON.stringify(counts));
    for (const count of Object.values(counts)) assert.ok(count > 20, JSON.stringify(counts));
  },
);

const names = ["a", "b", "c", "www", "outside"];

/** A few names in one another, with `.`, `..` and further slashes. */
function textOf(random: () => number, most: number): string {
  const parts: string[] = [];
  const count = 1 + Math.floor(random() * most);
  for (let at = 0; at < count; at++) {
    const kind = random();
    if (kind < 0.12) parts.push("..");
    else if (kind < 0.18) parts.push(".");
    else if (kind < 0.22) parts.push("");
    else parts.push(names[Math.floor(random() * names.length)] ?? "a");
  }
  return parts.join("/");
}

async function plant(root: string, random: () => number): Promise<void> {
  await rm(`${root}/www`, { recursive: true });
  const folders = [""];
  for (let times = 0; times < 60; times++) {
    const above = folders[Math.floor(random() * folders.length)] ?? "";
    const path = `${above}/${names[Math.floor(random() * names.length)]}`;
    const kind = random();
    // Names that are taken stay what they are.
    if (kind < 0.35) {
      await mkdir(root + path).then(() => folders.push(path), ignore);
    } else if (kind < 0.6) await writeFile(root + path, path, { flag: "wx" }).catch(ignore);
    else {
      const start = random() < 0.4 ? "/" : "";
      const end = random() < 0.1 ? "/" : "";
      await symlink(`${start}${textOf(random, 4) || "."}${end}`, root + path).catch(ignore);
    }
  }
}

function askLinux(root: string) {
  const child = spawn("perl", ["-MPOSIX", "-MErrno", "-e", asking, root], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const gone = once(child, "exit");
  return {
    async ask(path: string): Promise<string> {
      child.stdin.write(`${path}\n`);
      const { value } = await within(lines.next(), 10_000, "an answer of Linux");
      return String(value);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function ignore(): void {}
