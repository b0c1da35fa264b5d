import { ok, strictEqual, throws } from "node:assert";
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalAddress, isAddress, NetworkSet, parseNetwork, plainAddress } from "./ip.ts";

const cases: readonly (readonly [string, string, boolean])[] = [
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.0.0.0/8", "9.255.255.255", false],
  ["10.1.2.3/8", "10.9.9.9", true],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["10.1.2.3/32", "::ffff:10.1.2.3", true],
  ["10.0.0.0/8", "::ffff:a01:203", true],
  ["::ffff:10.0.0.0/104", "10.200.0.1", true],
  ["::ffff:10.0.0.0/104", "11.0.0.1", false],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/0", "::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "10.0.0.1", false],
  ["2001:db8::/33", "2001:db8:7fff::1", true],
  ["2001:db8::/33", "2001:db8:8000::", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["fe80::/10", "fec0::1", false],
  ["::1", "0:0:0:0:0:0:0:1", true],
  ["0.0.0.0/0", "", false],
  ["0.0.0.0/0", "1.2.3", false],
  ["0.0.0.0/0", "01.2.3.4", false],
  ["0.0.0.0/0", "1.2.3.4 ", false],
  ["0.0.0.0/0", "1.2.3.256", false],
  ["0.0.0.0/0", "1.2.3.4.5", false],
  ["::/0", "garbage", false],
  ["::/0", "::g", false],
  ["::/0", "unix:", false],
];

for (const [network, address, expected] of cases) {
  const verb = expected ? "holds" : "does not hold";
  test(`${network} ${verb} ${JSON.stringify(address)}`, () => {
    strictEqual(NetworkSet.of([network]).has(address), expected);
  });
}

const notNetworks = [
  "",
  "/",
  "10",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/08",
  "::/129",
  "a",
  "::1%x",
];
for (const text of [...notNetworks, "10.0.0.0/-1", "10.0.0.0/8/8", " 10.0.0.1", "010.0.0.1"]) {
  test(`${JSON.stringify(text)} is no network`, () => {
    strictEqual(parseNetwork(text), undefined);
    throws(() => NetworkSet.of([text]), TypeError);
  });
}

test("an empty set holds nothing", () => {
  strictEqual(NetworkSet.of([]).has("10.0.0.1"), false);
  strictEqual(NetworkSet.of([]).has("::1"), false);
});

test("an address is told from other text", () => {
  for (const text of ["1.2.3.4", "::1", "fe80::1%eth0"]) ok(isAddress(text), text);
  for (const text of ["", "localhost", "1.2.3", "::g", "[::1]"]) ok(!isAddress(text), text);
});

test("a plain address has neither zone nor mapping", () => {
  strictEqual(plainAddress("::ffff:200.2.3.4"), "200.2.3.4");
  strictEqual(plainAddress("::FFFF:c802:304"), "200.2.3.4");
  strictEqual(plainAddress("fe80::1%eth0"), "fe80::1");
  strictEqual(plainAddress("1.2.3.4"), "1.2.3.4");
  strictEqual(plainAddress("2001:db8::1"), "2001:db8::1");
});

test("equal addresses have one spelling, the shortest", () => {
  const spellings: readonly (readonly [string, string | undefined])[] = [
    ["2001:DB8:0:0:0:0:0:5", "2001:db8::5"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::", "2001:db8::"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0::1", "::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:0a00:0001", "10.0.0.1"],
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0.01", undefined],
    ["[::1]", undefined],
    ["::1/64", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of spellings) strictEqual(canonicalAddress(text), expected, text);
});

test("a set of many networks agrees with Node's BlockList", () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }));
  // Mapped addresses are ours to define, and have their own cases above.
  const address = fc
    .oneof(fc.ipV4(), fc.ipV6())
    .filter((each) => !/^(0*:)*:?(:0*)*:ffff:/i.test(each));
  fc.assert(
    fc.property(fc.array(fc.oneof(v4, v6), { maxLength: 8 }), fc.array(address), (all, asked) => {
      const networks = all.filter(([each]) => !/ffff:[^:]*:?[^:]*$/i.test(each));
      const set = NetworkSet.of(networks.map(([each, bits]) => `${each}/${bits}`));
      for (const one of [...asked, ...networks.map(([each]) => each)]) {
        const expected = networks.some(([each, bits]) => {
          if (isIPv4(each) !== isIPv4(one)) return false;
          const list = new BlockList();
          list.addSubnet(each, bits, isIPv6(each) ? "ipv6" : "ipv4");
          return list.check(one, isIPv6(one) ? "ipv6" : "ipv4");
        });
        strictEqual(set.has(one), expected, `${one} in ${JSON.stringify(networks)}`);
      }
    }),
    { numRuns: 300 },
  );
});
