import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBackendUrl } from "./backend-url.ts";

function read(text: string): unknown {
  let refused = "";
  const url = parseBackendUrl(text, (message, remedy = "") => {
    refused = `${message}; ${remedy}`;
    return undefined;
  });
  if (url === undefined) return refused;
  const { address, http2, secure, basePath } = url;
  const where = address.kind === "tcp" ? `${address.host}:${address.port}` : address.path;
  return `${where}${basePath} ${http2 === true ? "HTTP/2" : "either"}${secure ? " TLS" : ""}`;
}

test("where HTTP/2 alone is spoken", () => {
  assert.equal(read("h2c://10.0.0.1"), "10.0.0.1:80 HTTP/2");
  assert.equal(read("H2C://10.0.0.1:9000/api/"), "10.0.0.1:9000/api HTTP/2");
  assert.equal(read("h2c://unix:/run/app.sock:/api"), "/run/app.sock/api HTTP/2");
  assert.equal(read("grpc://[::1]:50051"), "::1:50051 HTTP/2");
  assert.equal(read("grpc://unix:/run/app.sock"), "/run/app.sock HTTP/2");
  assert.equal(read("grpcs://api.test"), "api.test:443 HTTP/2 TLS");
  assert.equal(read("https://api.test"), "api.test:443 either TLS");
});

test("what is no such URL is told so", () => {
  assert.equal(read("grpc://10.0.0.1"), "grpc://10.0.0.1 has no port; write grpc://10.0.0.1:PORT");
  assert.equal(
    read("grpcs://unix:/run/app.sock"),
    "TLS over a unix socket is not supported; write grpc://unix:/run/app.sock",
  );
  assert.match(String(read("h2://10.0.0.1")), /^h2:\/\/ is not supported; write https:/);
});
