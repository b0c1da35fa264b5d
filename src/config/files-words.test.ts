// Files and programs, written down and read again, are the same.

import { deepStrictEqual, ok } from "node:assert";
import { test } from "node:test";
import { readConfig } from "./read.ts";
import { serviceWords } from "./service-words.ts";

function read(words: unknown) {
  const value = { providers: { lxc: true }, services: { s: words, app: "http://a" } };
  const { snapshot, problems } = readConfig(JSON.stringify(value), {
    file: "t.json",
    baseFolder: "/usr",
  });
  ok(snapshot, problems.map(({ message }) => message).join("\n"));
  const shown = (name: string) => {
    const service = snapshot.services.get(name);
    return service === undefined ? undefined : { ...service, origin: undefined };
  };
  return { service: shown("s"), program: shown("s@scripts"), all: snapshot.services };
}

const container = "lxc/a";

const services: readonly unknown[] = [
  { files: "/usr/share" },
  { container, files: { root: "/", listing: true, hidden: [], shown: ["a", ".b"], charset: "" } },
  {
    files: { root: "/usr/share", try: ["$path", "/a.html", "=410"], cacheControl: "no-cache" },
    maintenance: true,
  },
  { files: { root: "/usr/share", try: ["$path", "@app"], cacheControl: { "/a*": "", "*": "x" } } },
  { container, files: { root: "/srv", precompressed: ["zstd"], types: { a: "b/c" } } },
  { container, files: "/srv", fastcgi: "unix:/run/php.sock" },
  {
    container,
    files: { root: "/srv", try: ["$path", "/i.php?q=1&$query"] },
    fastcgi: {
      backends: ["unix:/run/a", { url: "unix:/run/b", tier: 1 }],
      root: "/other",
      index: "",
      extensions: [".php", ".php5"],
      neverIn: ["/up", "/down"],
      sendFiles: "/srv/private",
    },
    balance: "random",
    pool: { maxIdle: 2 },
  },
  { files: "/usr/share", uwsgi: "10.0.0.1:1" },
  { files: { root: "/usr/share", hidden: [".*"] }, scgi: "10.0.0.1:1" },
  { files: "/usr/share", fastcgi: { backends: "10.0.0.1:1", script: "/index.php" } },
  { files: { root: "/usr/share", try: "@scripts" }, fastcgi: "10.0.0.1:1" },
  { container, fastcgi: { backends: "unix:/run/x", root: "/srv" } },
  { container, backends: ["unix:/run/x"] },
  { container, preset: "wordpress" },
];

test("files and programs in words are the same service, with the same program", () => {
  for (const value of services) {
    const { service, program, all } = read(value);
    const whole = all.get("s");
    ok(service !== undefined && whole !== undefined);
    const again = read(serviceWords(whole, all));
    deepStrictEqual(again.service, service, JSON.stringify(value));
    const bare = (each: typeof program) =>
      each?.kind !== "backends" ? each : { ...each, backends: each.backends.map(withoutUrl) };
    deepStrictEqual(bare(again.program), bare(program), JSON.stringify(value));
  }
});

function withoutUrl({ url: _url, ...backend }: { readonly url: string }) {
  return backend;
}
