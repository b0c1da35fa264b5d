import { deepStrictEqual, strictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import * as fc from "fast-check";
import { abstractSockets, beginningOf, globalV6, localV4 } from "./proc-net.ts";

const fibTrie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.255
        /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 172.29.77.0/24 2 0 2
        +-- 172.29.77.0/28 2 0 2
           |-- 172.29.77.0
              /24 link UNICAST
           |-- 172.29.77.11
              /32 host LOCAL
        |-- 172.29.77.255
           /32 link BROADCAST
Local:
           |-- 127.0.0.1
              /32 host LOCAL
           |-- 172.29.77.11
              /32 host LOCAL
           |-- 999.1.1.1
              /32 host LOCAL
`;

test("local IPv4 addresses are found once each", () => {
  deepStrictEqual(localV4(fibTrie), ["127.0.0.1", "172.29.77.11"]);
});

test("IPv6 addresses are those of global scope, lasting ones first", () => {
  const lines = [
    "fd0000290077000000000000000000aa 02 40 00 01     eth0",
    "fd000029007700000000000000000011 02 40 00 80     eth0",
    "fd000029007700000000000000000012 02 40 00 c0     eth0",
    "fd000029007700000000000000000013 02 40 00 44     eth0",
    "fd000029007700000000000000000014 02 40 00 88     eth0",
    "fd000029007700000000000000000015 02 40 00 20     eth0",
    "fe80000000000000809f0bfffee54b74 02 40 20 c0     eth0",
    "00000000000000000000000000000001 01 80 10 80       lo",
    "rubbish",
    "fd000029007700000000000000000011 02",
  ];
  deepStrictEqual(globalV6(lines.join("\n")), [
    { ip: "fd00:29:77::11", isTentative: false },
    { ip: "fd00:29:77::12", isTentative: true },
    { ip: "fd00:29:77::13", isTentative: false },
    { ip: "fd00:29:77::14", isTentative: true },
    { ip: "fd00:29:77::aa", isTentative: false },
  ]);
});

test("this machine's own addresses are read as Node knows them", () => {
  const own = Object.values(networkInterfaces()).flatMap((infos = []) => infos);
  const v4 = localV4(readFileSync("/proc/self/net/fib_trie", "utf8"));
  for (const { family, address } of own) {
    if (family === "IPv4") strictEqual(v4.includes(address), true, address);
  }
  const v6 = own.filter((each) => each.family === "IPv6" && each.scopeid === 0);
  const seen = globalV6(readFileSync("/proc/self/net/if_inet6", "utf8")).map(({ ip }) => ip);
  for (const { address } of v6)
    if (address !== "::1") strictEqual(seen.includes(address), true, address);
});

test("abstract sockets are found by how they end", () => {
  const lines = [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    "0000000037d5fd0e: 00000003 00000000 00000000 0001 03  1504",
    "000000007df93a75: 00000002 00000000 00010000 0001 01 32758620 @/var/lib/lxc/web1/command",
    "000000002e57bfef: 00000002 00000000 00010000 0001 01 32758615 @lxc/a0c6515ed3110c44//var/lib/lxc",
    "000000002e57bfef: 00000002 00000000 00010000 0001 01 615 /var/lib/lxc/file/command",
    "000000002e57bfef: 00000002 00000000 00010000 0001 01 616 @/a b/c/command",
    "000000002e57bfef: 00000002 00000000 00010000 0001 01 617 @/x/commander",
    // A client's connection.
    "000000002e57bfef: 00000003 00000000 00000000 0001 03 619 @/a b/c/command",
    "000000002e57bfef: 00000002 00000000 00010000 0001 01   618 @/last/command",
  ];
  deepStrictEqual(
    [...abstractSockets(lines.join("\n"), "/command")],
    [
      ["/var/lib/lxc/web1/command", "32758620"],
      ["/a b/c/command", "616"],
      ["/last/command", "618"],
    ],
  );
});

test("a real abstract socket is found while somebody listens", async () => {
  const name = `tidegate-test/${process.pid}/command`;
  const server = createServer((socket) => socket.end());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(`\0${name}`, resolve);
  await promise;
  const here = () => abstractSockets(readFileSync("/proc/net/unix", "utf8"), "/command").has(name);
  const wasHere = here();
  await new Promise((done) => server.close(done));
  deepStrictEqual([wasHere, here()], [true, false]);
});

test("when a process began is told while it runs", () => {
  const stat = (state: string) =>
    `77 (a) (b c) ${state} 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 428177 1388 9`;
  strictEqual(beginningOf(stat("S")), "428177");
  strictEqual(beginningOf(stat("Z")), undefined);
  strictEqual(beginningOf(""), undefined);
  strictEqual(/^\d+$/.test(beginningOf(readFileSync("/proc/self/stat", "utf8")) ?? ""), true);
});

test("no text makes them fail", () => {
  const words = fc.constantFrom(
    "|-- ",
    "1.2.3.4",
    "\n",
    "/32 host LOCAL",
    "@",
    "/command",
    " ",
    ")",
    "f",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 60 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (each) => {
      localV4(each);
      globalV6(each);
      abstractSockets(each, "/command");
      beginningOf(each);
    }),
  );
});
