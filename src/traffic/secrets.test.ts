import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isSecretField, isSecretName, shownField, shownHost, shownTarget } from "./secrets.ts";

describe("secrets of requests", () => {
  test("a parameter is known by any word of its name, however it is written", () => {
    const secret = [
      ...["token", "access_token", "accessToken", "ACCESS-TOKEN", "key", "api_key", "apikey"],
      ...["password", "user[password]", "pwd", "code", "X-Amz-Signature", "X-Amz-Credential"],
      ...["sig", "client_secret", "clientsecret", "PHPSESSID", "jsessionid", "id_token_hint"],
    ];
    secret.push("password2", "PassWord", "kEy", "OTPCode", "SAMLResponse", "x".repeat(1000));
    for (const name of secret) assert.ok(isSecretName(name), name);
    const plain = [
      "q",
      "page",
      "postcode",
      "monkey",
      "author",
      "compass",
      "design",
      "item",
      "lang",
    ];
    for (const name of plain) assert.ok(!isSecretName(name), name);
  });

  test("a target keeps all but the values of such parameters", () => {
    const cases = [
      ["/a?b=1&c", "/a?b=1&c"],
      ["/a", "/a"],
      ["/a?token=1&b=2", "/a?token=(not shown)&b=2"],
      ["/a?b=2;token=1", "/a?b=2;token=(not shown)"],
      ["/a?t%6Fken=1", "/a?t%6Fken=(not shown)"],
      ["/a?token=1=2?x", "/a?token=(not shown)"],
      ["/a?%zz=1&key=2", "/a?%zz=1&key=(not shown)"],
      ["http://me:word@a.test/?x=1", "http://(not shown)@a.test/?x=1"],
      ["http://a.test/@x", "http://a.test/@x"],
      ["https://a.test/cb#access_token=1&x=2", "https://a.test/cb#access_token=(not shown)&x=2"],
      ["/a;jsessionid=1/b;v=2?x=3", "/a;jsessionid=(not shown)/b;v=2?x=3"],
      ["/a?next=https%3A%2F%2Fx%2F%3Ftoken%3D1&b=2", "/a?next=(not shown)&b=2"],
      ["/a?next=https%253A%252F%252Fx%252F%253Ftoken%253D1", "/a?next=(not shown)"],
      ["/a?next=//me:word@x/", "/a?next=(not shown)"],
      ["/a?next=https://x/?page%3D1&mail=a@b.test", "/a?next=https://x/?page%3D1&mail=a@b.test"],
      ["*", "*"],
      ["", ""],
    ] as const;
    for (const [target, shown] of cases) assert.equal(shownTarget(target), shown);
  });

  test("a field is known by its name, and a URL in one is looked through", () => {
    const secret = [
      "Authorization",
      "COOKIE",
      "Set-Cookie",
      "x-api-key",
      "X-Auth-Token",
      "Client-Cert",
    ];
    for (const name of secret) assert.ok(isSecretField(name), name);
    for (const name of ["Accept", "Host", "Content-Type", "Referer"]) {
      assert.ok(!isSecretField(name), name);
    }
    assert.equal(shownField("Cookie", "a=b"), "(not shown)");
    assert.equal(shownField("Accept", "a=b"), "a=b");
    assert.equal(shownField("Location", "https://x/?code=1"), "https://x/?code=(not shown)");
    const cases = [
      ["Link", "</a?x=1>; rel=p, </b?token=1>", "</a?x=1>; rel=p, </b?token=(not shown)>"],
      ["Refresh", "0;url=https://me:word@x/?a=1", "0;url=https://(not shown)@x/?a=1"],
      ["X-Forwarded-Uri", "/a?token=1", "/a?token=(not shown)"],
      ["Content-Type", "multipart/form-data; boundary=x", "multipart/form-data; boundary=x"],
      ["Sec-WebSocket-Protocol", "graphql-ws, v2", "graphql-ws, v2"],
      ["Sec-WebSocket-Protocol", "v2, base64url.bearer.authorization.k8s.io.abc", "(not shown)"],
      ["sec-websocket-protocol", `v2, ${"a".repeat(40)}`, "(not shown)"],
    ] as const;
    for (const [name, value, shown] of cases) assert.equal(shownField(name, value), shown);
    assert.equal(shownHost("me:word@a.test"), "(not shown)@a.test");
  });
});
