import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseDomain } from "./domain.ts";

const domain = (inside: string) =>
  `<domain type='kvm' id='1'><name>vm1</name><uuid>6695eb01</uuid>${inside}</domain>`;

function labelsOf(inside: string): Readonly<Record<string, string>> {
  const read = parseDomain(domain(inside));
  assert.ok(typeof read !== "string", JSON.stringify(read));
  return read.labels;
}

test("interfaces are read with the bridge they hang on, and the agent when it is connected", () => {
  const xml = domain(`<devices>
    <interface type='network'><mac address='52:54:00:AA:00:10'/><source network='default' bridge='virbr0'/></interface>
    <interface type='bridge'><mac address='52:54:00:aa:00:11'/><source bridge='br0'/></interface>
    <interface type='direct'><mac address='52:54:00:aa:00:12'/><source dev='eth0' mode='bridge'/></interface>
    <interface type='user'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
  </devices>`);
  assert.deepEqual(parseDomain(xml), {
    uuid: "6695eb01",
    name: "vm1",
    interfaces: [
      { mac: "52:54:00:aa:00:10", network: "default", bridge: "virbr0" },
      { mac: "52:54:00:aa:00:11", network: "br0", bridge: "br0" },
      { mac: "52:54:00:aa:00:12", network: "eth0", bridge: "" },
    ],
    hasAgent: true,
    labels: {},
  });
});

test("attributes of our metadata are labels, and elements where a name has a route in it", () => {
  const labels = labelsOf(`<metadata>
    <other:app xmlns:other="https://example.com/other" host="no.test"/>
    <t:app xmlns:t="https://tidegate.dev/libvirt" host="v.test" port="80" service.balance="random">
      <t:label name="tidegate.routes.api.host"> api.test </t:label>
      <t:label name="routes.api.path">/a &amp; b</t:label>
      <t:nested stripPrefix="true"/>
    </t:app>
  </metadata>`);
  assert.deepEqual(labels, {
    "tidegate.host": "v.test",
    "tidegate.port": "80",
    "tidegate.service.balance": "random",
    "tidegate.routes.api.host": "api.test",
    "tidegate.routes.api.path": "/a & b",
    "tidegate.stripPrefix": "true",
  });
});

test("lines of the description are labels, and metadata counts more", () => {
  const metadata = `<metadata><t:x xmlns:t="https://tidegate.dev/libvirt" port="8080"/></metadata>`;
  const text =
    "Our shop.\n tidegate.host = shop.test\ntidegate.port=80\ntidegate.rule=Path(`/a=b`)\nx.tidegate.y=1";
  assert.deepEqual(labelsOf(`<description>${text}</description>${metadata}`), {
    "tidegate.host": "shop.test",
    "tidegate.port": "8080",
    "tidegate.rule": "Path(`/a=b`)",
  });
});

test("what cannot be read is a sentence", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["", /cannot be read/],
    ["<domain>", /cannot be read/],
    ["<domain><name>x</name>", /cannot be read/],
    ["<domain/>", /no name/],
    ["<network><name>x</name></network>", /no name/],
    [`<!DOCTYPE d [<!ENTITY a "b">]>${domain("&a;")}`, /declares entities/],
    [domain("&a;"), /cannot be read/],
    [domain(`<description>${"x".repeat(2 * 1024 * 1024)}</description>`), /too long/],
  ];
  for (const [xml, message] of rows) {
    const read = parseDomain(xml);
    assert.match(JSON.stringify(read), message, xml.slice(0, 60));
  }
});

test("deep nesting and many elements are got over, whatever becomes of them", () => {
  const deep = `${"<a>".repeat(30_000)}${"</a>".repeat(30_000)}`;
  for (const inside of [deep, "<a/>".repeat(100_000), `<metadata>${deep}</metadata>`]) {
    const startedAt = performance.now();
    const read = parseDomain(domain(inside));
    assert.ok(typeof read === "string" ? read !== "" : read.name === "vm1");
    assert.ok(performance.now() - startedAt < 5000);
  }
});

test("foreign names do no harm", () => {
  const labels = labelsOf(
    `<metadata><t:x xmlns:t="https://tidegate.dev/libvirt" __proto__="a" constructor="b"/></metadata>`,
  );
  assert.deepEqual(Object.entries(labels), [
    ["tidegate.__proto__", "a"],
    ["tidegate.constructor", "b"],
  ]);
});

test("nothing that is made of the pieces of a description makes it throw", () => {
  const pieces = fc.constantFrom(
    ...["<metadata>", "</metadata>", "<t:a ", 'xmlns:t="https://tidegate.dev/libvirt"', ">", "/>"],
    ...["</t:a>", "<t:label name='x'>", "&lt;", "&", "<![CDATA[", "]]>", "<!--", "-->", "<?x", "'"],
    ...["<devices>", "<interface>", "<mac address='", "<description>tidegate.host=a\n", "\u0000"],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      const read = parseDomain(domain(parts.join("")));
      assert.ok(typeof read === "string" ? read !== "" : read.name === "vm1");
    }),
    { numRuns: 2000 },
  );
});
