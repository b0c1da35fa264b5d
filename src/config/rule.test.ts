import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { formatRule, parseRule } from "./rule.ts";
import type { Rule } from "./rule.ts";

const host = (name: string): Rule => ({ kind: "host", host: name });
const method = (name: string): Rule => ({ kind: "method", method: name });

const good: readonly (readonly [string, Rule])[] = [
  ["Host(`Example.COM.`)", host("example.com")],
  ["Host(`*.bücher.example`)", host("*.xn--bcher-kva.example")],
  ["Host(`*`)", host("*")],
  ['Host("a.b")', host("a.b")],
  ["HostRegexp(`^.+\\.a$`)", { kind: "hostRegexp", pattern: "^.+\\.a$", flags: "" }],
  ["HostRegexp(`(?i)^A`)", { kind: "hostRegexp", pattern: "^A", flags: "i" }],
  ["HostRegexp(`^a{2}$`)", { kind: "hostRegexp", pattern: "^a{2}$", flags: "" }],
  ["Path(`/a`)", { kind: "path", path: "/a" }],
  ["Path(`/a b/é{x}`)", { kind: "path", path: "/a%20b/%C3%A9%7Bx%7D" }],
  ["Path(`/%7ea/./b//c`)", { kind: "path", path: "/~a/b/c" }],
  ["PathPrefix(`/api`)", { kind: "pathPrefix", prefix: "/api", segment: false }],
  ["PathPrefix(`/.`)", { kind: "pathPrefix", prefix: "/.", segment: false }],
  ["PathPrefix(`/`)", { kind: "pathPrefix", prefix: "/", segment: false }],
  ["PathRegexp(`^/x/\\d+`)", { kind: "pathRegexp", pattern: "^/x/\\d+", flags: "" }],
  ["Method(`get`)", method("GET")],
  ["Header(`X-Beta`, `1`)", { kind: "header", name: "x-beta", value: "1" }],
  ["HeaderRegexp(`A`,`b+`)", { kind: "headerRegexp", name: "a", pattern: "b+", flags: "" }],
  ["Query(`k`,`v`)", { kind: "query", name: "k", value: "v" }],
  ["Query(`k`)", { kind: "query", name: "k", value: "" }],
  ["QueryRegexp(`k`,``)", { kind: "queryRegexp", name: "k", pattern: "", flags: "" }],
  ["ClientIP(`10.0.0.0/8`)", { kind: "clientIp", network: "10.0.0.0/8" }],
  ["ClientIP(`::1`)", { kind: "clientIp", network: "::1" }],
  ['Header(`a`,"\\"q\\"\\t\\x41\\u00e9\\101")', { kind: "header", name: "a", value: '"q"\tAéA' }],
  ["Header(`a`,`\\n`)", { kind: "header", name: "a", value: "\\n" }],
  [" Host ( `a` )\n&&Method(`GET`) ", { kind: "all", rules: [host("a"), method("GET")] }],
  [
    "Host(`a`) || Host(`b`) && !Method(`GET`)",
    {
      kind: "any",
      rules: [host("a"), { kind: "all", rules: [host("b"), { kind: "not", rule: method("GET") }] }],
    },
  ],
  [
    "(Host(`a`) || Host(`b`)) && !(!Method(`GET`))",
    {
      kind: "all",
      rules: [
        { kind: "any", rules: [host("a"), host("b")] },
        { kind: "not", rule: { kind: "not", rule: method("GET") } },
      ],
    },
  ],
];

for (const [text, rule] of good) {
  test(`${text.trim()} is understood, and reads the same when written out`, () => {
    deepStrictEqual(parseRule(text), { kind: "rule", rule });
    deepStrictEqual(parseRule(formatRule(rule)), { kind: "rule", rule });
    deepStrictEqual(JSON.parse(JSON.stringify(rule)), rule);
  });
}

const bad: readonly (readonly [string, number, RegExp])[] = [
  ["", 0, /expected a matcher.*the end/],
  ["host(`a`)", 0, /did you mean Host\?/],
  ["PathPrefx(`/a`)", 0, /did you mean PathPrefix\?/],
  ["Headers(`a`,`b`)", 0, /v3 writes Header\(/],
  ["HostSNI(`a`)", 0, /TCP/],
  ["Frobnicate(`a`)", 0, /there are Host, /],
  ["constructor(`a`)", 0, /unknown matcher/],
  ["Host(`a`, `b`)", 0, /write Host\(`a`\) \|\| Host\(`b`\)/],
  ["Host()", 0, /takes 1 argument, not 0/],
  ["Header(`a`)", 0, /takes 2 arguments, not 1/],
  ["Query(`a`,`b`,`c`)", 0, /takes 1 or 2 arguments, not 3/],
  ["Host(`a`) && Path(`x`)", 18, /begins with "\/"/],
  ["Path(`/%zz`)", 5, /%-encoding/],
  ["PathPrefix(`/a/../../b`)", 11, /too many/],
  ["Host(`a:80`)", 5, /no port/],
  ["Host(`a/b`)", 5, /no host name/],
  ["HostRegexp(`{sub:[a-z]+}.a`)", 11, /v2/],
  ["HeaderRegexp(`a`, `(`)", 18, /group/],
  ["PathRegexp(`\\Aa`)", 11, /Go's/],
  ["Header(`a b`, `c`)", 7, /header name/],
  ["Method(`G T`)", 7, /no method/],
  ["ClientIP(`10.0.0.0/33`)", 9, /network/],
  ["Host(a)", 5, /backticks or double quotes/],
  ["Host('a')", 5, /backticks or double quotes/],
  ["Host(`a`", 8, /expected "," or "\)"/],
  ["Host(`a)", 5, /no end/],
  ['Host("a\\")', 5, /no end/],
  ["Host", 4, /expected "\(" after Host/],
  ["(Host(`a`)", 10, /expected "\)"/],
  ["Host(`a`))", 9, /expected "&&"/],
  ["Host(`a`) Host(`b`)", 10, /expected "&&"/],
  ["Host(`a`) & Host(`b`)", 10, /expected "&&"/],
  ["Host(`a`) &&", 12, /expected a matcher/],
  ["!", 1, /expected a matcher/],
  ['Header(`a`,"b\\q")', 13, /unknown escape/],
  ['Header(`a`,"\\UFFFFFFFF")', 12, /no character/],
  [`${"(".repeat(100)}Host(\`a\`)`, 64, /nested/],
  ["!".repeat(100_000), 65_536, /65536/],
];

for (const [text, at, why] of bad) {
  test(`${text.slice(0, 40) || "nothing"} is refused at ${at} with a reason`, () => {
    const parsed = parseRule(text);
    strictEqual(parsed.kind, "bad");
    if (parsed.kind !== "bad") return;
    match(parsed.why, why);
    strictEqual(parsed.at, at);
  });
}

test("a prefix on a segment boundary is written with matchers the language has", () => {
  const rule: Rule = { kind: "pathPrefix", prefix: "/api", segment: true };
  strictEqual(formatRule(rule), "Path(`/api`) || PathPrefix(`/api/`)");
  const both = formatRule({ kind: "all", rules: [host("a"), rule] });
  strictEqual(both, "Host(`a`) && (Path(`/api`) || PathPrefix(`/api/`))");
  strictEqual(formatRule({ kind: "not", rule }), "!(Path(`/api`) || PathPrefix(`/api/`))");
});

const goodStreams: readonly (readonly [string, Rule])[] = [
  ["HostSNI(`Pg.Example.COM.`)", { kind: "hostSni", host: "pg.example.com" }],
  ["HostSNI(`*.example.com`)", { kind: "hostSni", host: "*.example.com" }],
  ["HostSNI(`*`)", { kind: "hostSni", host: "*" }],
  ["HostSNIRegexp(`(?i)^pg\\d+\\.`)", { kind: "hostSniRegexp", pattern: "^pg\\d+\\.", flags: "i" }],
  ["ALPN(`http/1.1`)", { kind: "alpn", protocol: "http/1.1" }],
  [
    "HostSNI(`a`) && !(ALPN(`h2`) || ClientIP(`10.0.0.0/8`))",
    {
      kind: "all",
      rules: [
        { kind: "hostSni", host: "a" },
        {
          kind: "not",
          rule: {
            kind: "any",
            rules: [
              { kind: "alpn", protocol: "h2" },
              { kind: "clientIp", network: "10.0.0.0/8" },
            ],
          },
        },
      ],
    },
  ],
];

for (const [text, rule] of goodStreams) {
  test(`of TCP, ${text} is understood, and reads the same when written out`, () => {
    deepStrictEqual(parseRule(text, "stream"), { kind: "rule", rule });
    deepStrictEqual(parseRule(formatRule(rule), "stream"), { kind: "rule", rule });
    strictEqual(parseRule(text).kind, "bad");
  });
}

const badStreams: readonly (readonly [string, number, RegExp])[] = [
  ["Host(`a`)", 0, /HTTP; a TCP route has HostSNI/],
  ["HostRegexp(`a`)", 0, /HTTP; a TCP route has HostSNIRegexp/],
  ["HostSni(`a`)", 0, /did you mean HostSNI\?/],
  ["PathPrefix(`/a`)", 0, /there are HostSNI, HostSNIRegexp, ALPN, ClientIP$/],
  ["HostSNI(`[::1]`)", 8, /no host name/],
  ["HostSNI(`127.0.0.1`)", 8, /no host name/],
  ["HostSNI(`a`, `b`)", 0, /write HostSNI\(`a`\) \|\| HostSNI\(`b`\)/],
  ["HostSNIRegexp(`(`)", 14, /group/],
  ["ALPN(``)", 5, /no name of a protocol/],
  ["ALPN(`h 2`)", 5, /no name of a protocol/],
];

for (const [text, at, why] of badStreams) {
  test(`of TCP, ${text} is refused at ${at} with a reason`, () => {
    const parsed = parseRule(text, "stream");
    strictEqual(parsed.kind, "bad");
    if (parsed.kind !== "bad") return;
    match(parsed.why, why);
    strictEqual(parsed.at, at);
  });
}
