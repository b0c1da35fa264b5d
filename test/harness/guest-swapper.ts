// Somebody in a container who changes names as fast as the kernel lets them: pairs of names change places, each time in
// one step (renameat2(2) with RENAME_EXCHANGE), some hundred thousand times a second. It ends with us.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { within } from "./barrier.ts";

export interface Swapper extends AsyncDisposable {
  /** How often a pair changed places, about. */
  readonly swaps: number;
}

export const swapperNeeds = ["perl"] as const;

const swapping = `
use POSIX ();
my $call = { x86_64 => 316, aarch64 => 276 }->{(POSIX::uname())[4]} or die "no number of renameat2";
$| = 1;
my $swaps = 0;
my @order = map { 2 * $_ } 0 .. $#ARGV / 2;
while (1) {
  for my $at (@order) {
    my ($one, $other) = @ARGV[$at, $at + 1];
    syscall($call, -100, $one, -100, $other, 2) == 0 or die "$one: $!";
    print "$swaps\\n" if ++$swaps % 1000 == 0;
  }
  @order = reverse @order;
}`;

/** @param pairs names on this machine, each two of which change places; of those below one another the deepest first */
export async function startSwapper(...pairs: readonly string[]): Promise<Swapper> {
  const child = spawn("perl", ["-e", swapping, ...pairs], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  let swaps = 0;
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    swaps = Number(text.trimEnd().split("\n").at(-1));
  });
  await within(once(child.stdout, "data"), 10_000, "names that change places");
  return {
    get swaps() {
      return swaps;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
