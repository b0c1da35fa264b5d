// What a container of the LXC harness needs to answer HTTP at a socket on its own /run, which is memory that nobody
// outside sees: this machine's Perl, read only, and a few lines of it. Each start of it says another number.

import { appendFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findCommand } from "./needs.ts";

export const guestSocketNeeds = ["perl"] as const;

/** In a configuration: /run is memory of the container's own, and something answers at /run/app.sock. */
export const guestSocketLines = [
  "lxc.mount.entry = /usr usr none ro,bind,create=dir 0 0",
  "lxc.mount.entry = tmpfs run tmpfs rw,create=dir 0 0",
  "lxc.environment = ANSWERS=yes",
] as const;

/** @param root the root file system that containers share */
export async function makeGuestSocketRoot(root: string): Promise<void> {
  await mkdir(join(root, "usr"), { recursive: true });
  for (const each of ["lib", "lib64"]) await symlink(`usr/${each}`, join(root, each));
  await writeFile(join(root, "etc/answer.pl"), answers);
  const perl = findCommand("perl") ?? "/usr/bin/perl";
  const script = `[ "$ANSWERS" = yes ] && { ${perl} /etc/answer.pl </dev/null >/dev/null 2>&1 & }\ntrue\n`;
  await appendFile(join(root, "etc/rc"), script);
}

const answers = `use strict; use IO::Socket::UNIX;
open(my $note, ">", "/run/note.txt"); print $note "on the memory of $$ at " . time; close($note);
my $path = "/run/app.sock"; unlink $path;
my $server = IO::Socket::UNIX->new(Local => $path, Listen => 64) or die;
chmod 0666, $path;
open(my $random, "<", "/dev/urandom"); read($random, my $bytes, 8);
my $body = "start " . unpack("H*", $bytes);
while (my $client = $server->accept) {
  while (defined(my $line = <$client>)) { last if $line =~ /^\\r?\\n$/; }
  print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: " . length($body) . "\\r\\n\\r\\n" . $body;
  close $client;
}
`;
