import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

const moduleUrl = new URL("./routes.ts", import.meta.url).href;

// A process of its own: what counts is its output and its exit code.
function run(folder: string, json: boolean) {
  const script = `import { routes } from ${JSON.stringify(moduleUrl)};
    process.exitCode = await routes("t.yaml", { json: ${json} });`;
  const args = ["--input-type=module", "-e", script];
  return new Promise<{ code: unknown; out: string; err: string }>((done) => {
    execFile(process.execPath, args, { cwd: folder, timeout: 20_000 }, (error, out, err) => {
      done({ code: error === null ? 0 : error.code, out, err });
    });
  });
}

test(
  "TCP routes are listed too, and neither keys nor pages are printed",
  { skip: needs("openssl") },
  async () => {
    await using folder = await tempFolder("tidegate-routes-");
    const { cert, key } = await certificates("a.test");
    await writeFile(folder.file("cert.pem"), cert);
    await writeFile(folder.file("key.pem"), key);
    await writeFile(folder.file("down.html"), "<p>soon</p>");
    await writeFile(
      folder.file("t.yaml"),
      `
listeners: { web: ":8080", tls: { bind: ":8443", protocol: tcp } }
routes: { a.test: { service: http://x, maintenance: { page: down.html } } }
tcpRoutes: { pg: { sni: a.test, service: tcp://x:1, tls: { cert: cert.pem, key: key.pem } } }
`,
    );
    const table = await run(folder.path, false);
    assert.deepEqual([table.code, table.err], [0, ""]);
    assert.match(table.out, /^ROUTE .*\na\.test .*http:\/\/x/);
    assert.match(table.out, /\nTCP ROUTE .*\npg +HostSNI\(`a\.test`\) +tcp:\/\/x:1, TLS ends here/);
    const json = await run(folder.path, true);
    assert.equal(json.code, 0);
    assert.doesNotMatch(json.out, /PRIVATE KEY|CERTIFICATE|soon/);
    const rows = JSON.parse(json.out) as {
      name: string;
      rule: string;
      tls?: string;
      protocol?: string;
    }[];
    assert.deepEqual(
      rows.map(({ name, rule, protocol, tls }) => [name, rule, protocol, tls]),
      [
        ["a.test", "Host(`a.test`)", undefined, undefined],
        ["pg", "HostSNI(`a.test`)", "tcp", "ends here"],
      ],
    );
  },
);
