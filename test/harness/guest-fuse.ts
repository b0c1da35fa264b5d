// A file system of a container's own (FUSE), with a socket and a file in it, whose program answers as often as is wanted and
// then never again: a call that it has taken ends when this does, and not before. Root only.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { within } from "./barrier.ts";
import { needs } from "./needs.ts";

/** Why there is none; false = there may be. */
export const needsFuse: string | false =
  needs("perl") || (existsSync("/dev/fuse") ? false : "needs /dev/fuse");

export interface FuseOptions {
  /** The process whose mounts it is put among. */
  readonly pid: number;
  /** An empty folder, as the root of those mounts sees it. */
  readonly at: string;
  /** How often it says what `socket` or `file` is; -1 = it takes no call at all, so that one ends when who calls is killed. */
  readonly answers: number;
}

export async function startFuse({ pid, at, answers }: FuseOptions): Promise<AsyncDisposable> {
  const child = spawn("perl", ["-e", program, String(pid), at, String(answers)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const dispose = async () => {
    child.kill("SIGKILL");
    await gone;
  };
  try {
    const ended = gone.then(() => Promise.reject(new Error("the file system was not mounted")));
    await within(Promise.race([once(child.stdout, "data"), ended]), 10_000, "the file system");
  } catch (error) {
    await dispose();
    throw error;
  }
  return { [Symbol.asyncDispose]: dispose };
}

/** Structures and numbers are those of linux/fuse.h. It ends with its standard input, at the latest with us. */
const program = String.raw`
use strict; use POSIX ();
my ($pid, $at, $answers) = @ARGV;
my ($setns, $mount) = @{ { x86_64 => [308, 165], aarch64 => [268, 40] }->{ (POSIX::uname())[4] } };
open my $fuse, "+<", "/dev/fuse" or die $!;
open my $mounts, "<", "/proc/$pid/ns/mnt" or die $!;
syscall($setns, fileno $mounts, 0) == 0 or die "setns: $!";
my $how = "fd=" . fileno($fuse) . ",rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions";
my $kind = "fuse";
syscall($mount, $kind, $at, $kind, 0, $how) == 0 or die "mount: $!";
syswrite STDOUT, "mounted\n";
my %node = (socket => 2, file => 3);
my %mode = (1 => 040755, 2 => 0140777, 3 => 0100644);
sub facts { my ($node) = @_; pack "Q6 L10", $node, 5, (0) x 7, $mode{$node}, 1, 0, 0, 0, 4096, 0 }
while (1) {
  vec(my $ready = "", fileno STDIN, 1) = 1;
  vec($ready, fileno $fuse, 1) = 1;
  select $ready, undef, undef, undef;
  exit if vec $ready, fileno STDIN, 1;
  if ($answers < 0) { <STDIN>; exit }
  sysread($fuse, my $asked, 1 << 20) or exit;
  my (undef, $call, $id, $node) = unpack "L L Q Q", $asked;
  my $answer = sub { my ($failure, $text) = @_; syswrite $fuse, pack("L l Q", 16 + length $text, $failure, $id) . $text };
  if ($call == 26) { # INIT
    $answer->(0, pack "L4 S2 L2 S2 L8", 7, 31, 0, 0, 16, 12, 4096, 1, 1, (0) x 9);
  } elsif ($call == 1) { # LOOKUP
    my $found = $node{ unpack "Z*", substr $asked, 40 };
    $found ? $answer->(0, pack("Q4 L2", $found, (0) x 5) . facts($found)) : $answer->(-2, "");
  } elsif ($call == 3) { # GETATTR
    $answer->(0, pack("Q L2", 0, 0, 0) . facts($node)) if $node == 1 || $answers-- > 0;
  } elsif ($call == 17) { # STATFS
    $answer->(0, pack "Q5 L10", (0) x 5, 4096, 255, 4096, (0) x 7);
  } elsif ($call == 14 || $call == 27) { # OPEN, OPENDIR
    $answer->(0, pack "Q L2", 1, 0, 0);
  } elsif ($call != 2 && $call != 42 && $call != 15 && $call != 36) { # FORGET; READ, which hangs; INTERRUPT
    $answer->(-38, "");
  }
}`;
