// Where clients are, by a database that is replaced while the program runs: who may come, and what backends are told.

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { mmdb } from "../harness/mmdb-writer.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const place = (country: string, city: string) => ({
  country: { iso_code: country },
  continent: { code: "EU" },
  city: { names: { en: city } },
});

async function ask(tidegate: Tidegate, host: string, address: string, lines = "") {
  await using client = await connect(tidegate.port());
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-For: ${address}\r\n${lines}\r\n`;
  await client.send(request);
  const { status, body } = await client.readResponse();
  const fields: Record<string, string> = status === 200 ? JSON.parse(body) : {};
  return { status, fields };
}

for (const workers of [0, 2]) {
  test(`geoip decides by the file as it is now, and tells backends (${workers} workers)`, async () => {
    await using origin = await httpOrigin((request, response) => {
      response.end(JSON.stringify(request.headers));
    });
    await using folder = await tempFolder();
    const path = folder.file("places.mmdb");
    const replace = async (bytes: Buffer) => {
      await writeFile(`${path}.new`, bytes);
      await rename(`${path}.new`, path);
    };
    await replace(
      mmdb({ "192.0.2.0/24": place("DE", "Köln"), "2001:db8::/32": place("FR", "Paris") }),
    );
    const ruled = (geoip: Record<string, unknown>) => ({
      service: origin.url,
      middlewares: [{ geoip: { database: path, ...geoip } }],
    });
    await using tidegate = await startTidegate({
      workers,
      config: {
        listeners: { web: "127.0.0.1:0" },
        trustedProxies: ["127.0.0.1"],
        routes: {
          "de.test": ruled({ allow: { countries: "DE" }, except: "private", headers: true }),
          "notfr.test": ruled({ deny: { countries: ["FR"] }, status: 404 }),
        },
      },
    });
    const german = await ask(tidegate, "de.test", "192.0.2.9", "x_geo_city: Rome\r\n");
    assert.equal(german.status, 200);
    assert.equal(german.fields["x-geo-country"], "DE");
    assert.equal(german.fields["x-geo-city"], "K%C3%B6ln");
    assert.equal(german.fields["x_geo_city"], undefined);
    const statusOf = async (host: string, address: string) =>
      (await ask(tidegate, host, address)).status;
    assert.equal(await statusOf("de.test", "2001:db8::9"), 403);
    assert.equal(await statusOf("de.test", "203.0.113.9"), 403);
    assert.equal(await statusOf("de.test", "10.0.0.9"), 200);
    assert.equal(await statusOf("notfr.test", "2001:db8::9"), 404);
    assert.equal(await statusOf("notfr.test", "203.0.113.9"), 200);
    await replace(Buffer.from("not found"));
    await tidegate.waitForLog(/the one before still counts/);
    assert.equal(await statusOf("de.test", "192.0.2.9"), 200);
    await replace(mmdb({ "192.0.2.0/24": place("FR", "Paris") }, { recordSize: 24 }));
    await eventually("the new file in all workers", async () => {
      const all = await Promise.all(
        Array.from({ length: 8 }, () => statusOf("de.test", "192.0.2.9")),
      );
      return all.every((status) => status === 403) || undefined;
    });
    // What is watched keeps nobody from ending.
    assert.deepEqual(await tidegate.stop(), { code: 0, signal: null });
  });
}
