import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import { lxcConfig } from "../../config/provider-limits.ts";
import {
  addressesOf,
  type ConfigSource,
  readLxcConfig,
  sharesNetworkOfHost,
} from "./lxc-config.ts";

const own = "/var/lib/lxc/web1/config";

function read(text: string, files: Readonly<Record<string, ConfigSource>> = {}) {
  const all = new Map(Object.entries(files));
  return readLxcConfig(own, (path) => {
    if (path === own) return Promise.resolve({ kind: "text", text });
    return Promise.resolve(all.get(path) ?? { kind: "unreadable", why: "it is not there" });
  });
}

function conf(...lines: string[]): ConfigSource {
  return { kind: "text", text: lines.join("\n") };
}

const addressCases: readonly (readonly [
  what: string,
  lines: readonly string[],
  expected: string,
])[] = [
  ["an address", ["lxc.net.0.ipv4.address = 10.0.0.2/24"], "10.0.0.2"],
  ["no blanks", ["lxc.net.0.ipv4.address=10.0.0.2/24"], "10.0.0.2"],
  [
    "indented, with a carriage return",
    ["\t lxc.net.0.ipv4.address  =  10.0.0.2/24 \r"],
    "10.0.0.2",
  ],
  ["a broadcast address", ["lxc.net.0.ipv4.address = 10.0.0.2/24 10.0.0.255"], "10.0.0.2"],
  ["no prefix", ["lxc.net.0.ipv4.address = 10.0.0.2"], "10.0.0.2"],
  ["quotes", ['lxc.net.0.ipv4.address = "10.0.0.2/24"'], "10.0.0.2"],
  ["single quotes", ["lxc.net.0.ipv4.address = '10.0.0.2/24'"], "10.0.0.2"],
  [
    "said twice",
    ["lxc.net.0.ipv4.address = 10.0.0.2/24", "lxc.net.0.ipv4.address = 10.0.0.3/24"],
    "10.0.0.2 10.0.0.3",
  ],
  ["cleared", ["lxc.net.0.ipv4.address = 10.0.0.2/24", "lxc.net.0.ipv4.address ="], ""],
  [
    "cleared, and said again",
    [
      "lxc.net.0.ipv4.address = 10.0.0.2/24",
      "lxc.net.0.ipv4.address =",
      "lxc.net.0.ipv4.address = 10.0.0.9/24",
    ],
    "10.0.0.9",
  ],
  [
    "an interface cleared",
    ["lxc.net.0.ipv4.address = 10.0.0.2/24", "lxc.net.1.ipv4.address = 10.0.1.2", "lxc.net.0 ="],
    "10.0.1.2",
  ],
  [
    "all cleared",
    ["lxc.net.0.ipv4.address = 10.0.0.2/24", "lxc.net =", "lxc.net.2.ipv4.address = 10.9.9.9/24"],
    "10.9.9.9",
  ],
  ["a gap in the numbers", ["lxc.net.3.ipv4.address = 10.0.0.2/24"], "10.0.0.2"],
  [
    "several interfaces, not in order",
    ["lxc.net.1.ipv4.address = 10.0.1.2", "lxc.net.0.ipv4.address = 10.0.0.2/24"],
    "10.0.0.2 10.0.1.2",
  ],
  [
    "IPv6, long and in capitals",
    ["lxc.net.0.ipv6.address = FD00:29:9:0::0032/64"],
    "fd00:29:9::32",
  ],
  [
    "both kinds",
    ["lxc.net.0.ipv6.address = fd00::2/64", "lxc.net.0.ipv4.address = 10.0.0.2/24"],
    "10.0.0.2 fd00::2",
  ],
  [
    "the same twice",
    ["lxc.net.0.ipv4.address = 10.0.0.2", "lxc.net.1.ipv4.address = 10.0.0.2"],
    "10.0.0.2",
  ],
  ["LXC 2", ["lxc.network.type = veth", "lxc.network.ipv4 = 10.0.0.2/24"], "10.0.0.2"],
  [
    "LXC 2 with two interfaces",
    [
      "lxc.network.type = veth",
      "lxc.network.ipv4 = 10.0.0.2/24",
      "lxc.network.ipv6 = 2001:DB8:0:0:0:0:0:5/64",
      "lxc.network.type = veth",
      "lxc.network.ipv4 = 10.0.1.2/24",
    ],
    "10.0.0.2 2001:db8::5 10.0.1.2",
  ],
  ["LXC 2 cleared", ["lxc.network.ipv4 = 10.0.0.2/24", "lxc.network ="], ""],
  [
    "LXC 2 with a number",
    ["lxc.network.0.type = veth", "lxc.network.0.ipv4 = 10.0.0.2/24"],
    "10.0.0.2",
  ],
  ["no address in LXC 1", ["lxc.network.ipv4 = 0.0.0.0/24", "lxc.network.ipv6 = ::/64"], ""],
  ["commented out", ["# lxc.net.0.ipv4.address = 10.0.0.2/24"], ""],
];

for (const [what, lines, expected] of addressCases) {
  test(`addresses: ${what}`, async () => {
    const config = await read(lines.join("\n"));
    strictEqual(addressesOf(config.nics).join(" "), expected);
    const isOld = lines.some((line) => line.includes("lxc.network"));
    deepStrictEqual(
      config.notes.map(({ severity }) => severity),
      isOld ? ["info"] : [],
    );
  });
}

const faultCases: readonly (readonly [line: string, about: string, message: RegExp])[] = [
  ["lxc.net.0.ipv4.address = 10.0.0.", "lxc.net.0.ipv4.address, line 2", /no address/],
  ["lxc.net.0.ipv4.address = 10.0.0.300/24", "lxc.net.0.ipv4.address, line 2", /no address/],
  ["lxc.net.0.ipv4.address = 10.0.0.3/x", "lxc.net.0.ipv4.address, line 2", /no address/],
  ["lxc.net.0.ipv6.address = fd00::2%eth0/64", "lxc.net.0.ipv6.address, line 2", /no address/],
  ["lxc.net.0.ipv6.address = 10.0.0.3", "lxc.net.0.ipv6.address, line 2", /no address/],
  ["lxc.net.0.ipv", "config, line 2", /no setting/],
  ["lxc.include = common.conf", "lxc.include, line 2", /relative path/],
  ["lxc.include = /etc/missing.conf", "/etc/missing.conf", /cannot be read: it is not there/],
  [`lxc.include = ${own}`, "lxc.include, line 2", /back to itself/],
];

test("what cannot be used is a note that says where, and the rest counts", async () => {
  for (const [line, about, message] of faultCases) {
    const text = `lxc.uts.name = web1\n${line}\nlxc.net.0.ipv4.address = 10.0.0.2/24`;
    const config = await read(text);
    strictEqual(config.hostName, "web1");
    deepStrictEqual(addressesOf(config.nics), ["10.0.0.2"]);
    deepStrictEqual(
      config.notes.map((note) => note.about),
      [about],
      line,
    );
    ok(message.test(config.notes[0]?.message ?? ""), config.notes[0]?.message);
  }
});

test("a comment behind an address is told of, and the address is used", async () => {
  const { nics, notes } = await read("lxc.net.0.ipv4.address = 10.0.0.2/24 # the web server");
  deepStrictEqual(addressesOf(nics), ["10.0.0.2"]);
  ok(/LXC refuses/.test(notes[0]?.message ?? ""));
});

test("comments that begin with tidegate. are labels", async () => {
  const lines = [
    "# tidegate.host = a.test, b.test",
    "#tidegate.path=/app",
    "  ##  Tidegate.Port = 8080",
    '# tidegate.rule = "Host(`x`) && Path(`/=`)"',
    "# tidegate.host is written like this = x",
    "# tidegate.enable",
    "# tidegate. = x",
    "# tidegatex.host = x",
    "# tidegate.timeouts.response = ",
    "tidegate.weight = 3",
  ];
  const { labels } = await read(lines.join("\n"));
  deepStrictEqual(labels, {
    "tidegate.host": "a.test, b.test",
    "tidegate.path": "/app",
    "Tidegate.Port": "8080",
    "tidegate.rule": "Host(`x`) && Path(`/=`)",
    "tidegate.timeouts.response": "",
  });
});

test("the host name is that of uts, in both dialects", async () => {
  strictEqual((await read("lxc.uts.name = shop.test")).hostName, "shop.test");
  strictEqual((await read("lxc.utsname = shop.test")).hostName, "shop.test");
  strictEqual((await read("lxc.uts.name = a\nlxc.uts.name =")).hostName, "");
});

test("included files and folders are read where they are included", async () => {
  const { nics, labels, notes } = await read(
    [
      "lxc.include = /usr/share/lxc/common.conf",
      "lxc.net.0.ipv4.address = 10.0.0.2/24",
      "# tidegate.host = own.test",
    ].join("\n"),
    {
      "/usr/share/lxc/common.conf": conf(
        "lxc.include = /usr/share/lxc/common.conf.d",
        "# tidegate.path = /x",
      ),
      "/usr/share/lxc/common.conf.d": {
        kind: "folder",
        files: ["/usr/share/lxc/common.conf.d/1.conf"],
      },
      "/usr/share/lxc/common.conf.d/1.conf": conf(
        "lxc.net.0.ipv4.address = 10.0.0.1/24",
        "# tidegate.host = common.test",
      ),
    },
  );
  deepStrictEqual(addressesOf(nics), ["10.0.0.1", "10.0.0.2"]);
  deepStrictEqual(labels, { "tidegate.host": "own.test", "tidegate.path": "/x" });
  deepStrictEqual(notes, []);
});

test("files that include one another end, and say so once", async () => {
  const a = conf("lxc.include = /b.conf", "lxc.net.0.ipv4.address = 10.0.0.2");
  const { nics, notes } = await read("lxc.include = /a.conf", {
    "/a.conf": a,
    "/b.conf": conf("lxc.include = /a.conf"),
  });
  deepStrictEqual(addressesOf(nics), ["10.0.0.2"]);
  deepStrictEqual(
    notes.map(({ about, message }) => `${about} ${message}`),
    ["lxc.include, line 1 of /b.conf leads back to itself"],
  );
});

test("neither depth nor number of included files is without end", async () => {
  let opened = 0;
  const deep = await readLxcConfig("/0", (path) => {
    opened += 1;
    return Promise.resolve(conf(`lxc.include = ${path}0`));
  });
  ok(opened <= lxcConfig.depth + 1 && deep.notes.length === 1, `${opened}`);
  opened = 0;
  const wide = await readLxcConfig("/0", (path) => {
    opened += 1;
    const next = (each: number) => `lxc.include = ${path}/${each}`;
    return Promise.resolve(conf(...Array.from({ length: 10 }, (_, each) => next(each))));
  });
  ok(opened <= lxcConfig.files && wide.notes.length <= lxcConfig.notes, `${opened}`);
});

test("who shares the machine's network is told from who has one", async () => {
  const shares = async (text: string) => sharesNetworkOfHost((await read(text)).nics);
  strictEqual(await shares("lxc.net.0.type = none"), true);
  strictEqual(await shares("lxc.network.type = none"), true);
  strictEqual(await shares("lxc.net.0.type = none\nlxc.net.1.type = veth"), false);
  strictEqual(await shares("lxc.net.0.type = veth"), false);
  strictEqual(await shares(""), false);
});

test("a file of another kind is no trouble for us", async () => {
  const words = fc.constantFrom(
    ..."lxc.net|.0|.99999|.ipv4.address|.ipv6|lxc.network|.type|none|=|= |\n|10.0.0.1/24| # x|#|# tidegate.|host|__proto__|constructor|lxc.include|/a|\"|'|\0|\r|lxc.uts.name".split(
      "|",
    ),
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words, { maxLength: 100 }).map((all) => all.join("")),
  );
  await fc.assert(
    fc.asyncProperty(text, text, async (first, second) => {
      const config = await read(first, { "/a": conf(second) });
      deepStrictEqual(JSON.parse(JSON.stringify(config.nics)), config.nics);
      ok(Object.keys(config.labels).every((key) => key.toLowerCase().startsWith("tidegate.")));
      ok(config.nics.length <= 2 * lxcConfig.nics && config.notes.length <= lxcConfig.notes);
    }),
    { numRuns: 500 },
  );
});
