import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { importRoutesOfProxyEtc } from "../../src/cli/import-proxy-etc.ts";
import { readConfig } from "../../src/config/read.ts";
import { writeYaml } from "../../src/config/write-yaml.ts";
import { importCaddy } from "../../src/importers/caddy.ts";
import { importDockerProxy } from "../../src/importers/docker-proxy.ts";
import { importHipache } from "../../src/importers/hipache.ts";
import type { Imported } from "../../src/importers/imported.ts";
import { NotImported } from "../../src/importers/imported.ts";
import { importNginx } from "../../src/importers/nginx.ts";
import { settle } from "../../src/importers/settle.ts";
import { importTraefik } from "../../src/importers/traefik.ts";
import { fuzz } from "./fuzz.ts";

const folder = mkdtempSync(join(tmpdir(), "tidegate-fuzz-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Whatever is imported is a configuration that can be used, or the reason why not is said with its place. */
function keepsPromises(importer: (file: string) => Imported, name: string) {
  const file = join(folder, name);
  return (input: string): boolean => {
    writeFileSync(file, input);
    const before = process.cpuUsage();
    let imported: Imported;
    try {
      imported = settle(importer(file));
    } catch (error) {
      assert.ok(error instanceof NotImported, String(error));
      assert.ok(error.message.startsWith(file), error.message);
      return false;
    }
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, "it takes too long");
    const { config, notes, later } = imported;
    const text = writeYaml({ before: notes, value: config, after: later });
    const { problems } = readConfig(text, { file: "tidegate.yaml", baseFolder: folder });
    const faults = problems.filter(({ severity }) => severity === "error");
    assert.deepEqual(
      faults.map(({ path, message }) => `${path}: ${message}`),
      [],
    );
    return true;
  };
}

const common =
  "__proto__ constructor {} { } ; [ ] \" ' ` $ \\ * / // .. % ^ ( ) ? | : , # ä 0 99999 -1".split(
    " ",
  );

fuzz({
  name: "import-nginx",
  words: [
    ...common,
    ..."server location upstream http stream listen server_name proxy_pass return rewrite if = ^~ ~ ~* @x".split(
      " ",
    ),
    ..."http:// https:// unix:/x $uri $host $request_uri $1 permanent break last deny allow all default_server".split(
      " ",
    ),
    ..."backup down weight= max_fails= hash ssl quic ssl_certificate ssl_protocols TLSv1 ssl_reject_handshake on ssl_verify_client add_header Strict-Transport-Security max-age=1 udp proxy_protocol try_files root set map 301 302 200 444 10s".split(
      " ",
    ),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importNginx, "nginx.conf"),
});

fuzz({
  name: "import-caddy",
  words: [
    ...common,
    ..."reverse_proxy handle handle_path route redir respond rewrite uri @m path not header query method".split(
      " ",
    ),
    ..."tls internal protocols tls1.3 client_auth on_demand issuer header Strict-Transport-Security email acme_ca local_certs lb_policy health_uri to transport {args[0]} {$X:y} {uri} :80 https:// unix//x 1-9 301 permanent".split(
      " ",
    ),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importCaddy, "Caddyfile"),
});

fuzz({
  name: "import-traefik",
  words: [
    ...common,
    ..."http tcp udp routers services middlewares rule service entryPoints loadBalancer servers url weighted".split(
      " ",
    ),
    ..."failover mirroring percent weight name Host(`a`) ClientIP PathPrefix(`/`) tls passthrough priority".split(
      " ",
    ),
    ..."certificatesResolvers acme email httpChallenge options default minVersion VersionTLS13 clientAuth certificates certFile stsSeconds redirections redirectRegex regex replacement chain stripPrefix ipAllowList retry attempts null true \n".split(
      " ",
    ),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importTraefik, "dynamic.yaml"),
});

fuzz({
  name: "import-proxy-etc",
  words: [
    ...common,
    ..."targets source host port sessionType Sticky null [] 8080 a/b /a".split(" "),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importRoutesOfProxyEtc, "routes.json"),
});

fuzz({
  name: "import-docker-proxy",
  words: [
    ...common,
    ..."DOCKER_HOST= PORT= DOCKER_PROXY_API_PORT= routes service unix:// tcp:// = \n".split(" "),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importDockerProxy, "docker-proxy.yaml"),
});

fuzz({
  name: "import-hipache",
  words: [
    ...common,
    ..."server http https driver user group redis redisHost redisPassword host port bind address".split(
      " ",
    ),
    ..."key cert ca /k.pem workers tcpTimeout deadBackendTTL retryOnError accessLog staticDir redis: etcd: :: true null".split(
      " ",
    ),
  ],
  maxCharacter: 0x17f,
  check: keepsPromises(importHipache, "config.json"),
});
