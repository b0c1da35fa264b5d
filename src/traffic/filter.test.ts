import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Judged, parseStatus, testOf, type TrafficFilter } from "./filter.ts";

const entry: Judged = {
  ...{ route: "shop@docker", status: 502, method: "GET", host: "Shop.test", target: "/Cart?x=1" },
  ...{ client: "10.1.2.3", duration: 120, failure: "CONNECT_REFUSED" },
};

describe("filters of requests", () => {
  test("each of them lets its own through, and nothing else", () => {
    const cases: readonly [TrafficFilter, boolean][] = [
      [{}, true],
      [{ route: "shop@docker" }, true],
      [{ route: "shop" }, true],
      [{ route: "sho" }, false],
      [{ status: [500, 599] }, true],
      [{ status: [502, 502] }, true],
      [{ status: [400, 499] }, false],
      [{ method: "GET" }, true],
      [{ method: "POST" }, false],
      [{ text: "shop.TEST/cart" }, true],
      [{ text: "basket" }, false],
      [{ from: "10.0.0.0/8" }, true],
      [{ from: "10.1.2.4" }, false],
      [{ slower: 120 }, true],
      [{ slower: 121 }, false],
      [{ isFailed: true }, true],
      [{ route: "shop", method: "POST" }, false],
    ];
    for (const [filter, expected] of cases) {
      assert.equal(testOf(filter)(entry), expected, JSON.stringify(filter));
    }
    const fine = { ...entry, failure: "", status: 404 };
    assert.equal(testOf({ isFailed: true })(fine), false);
    assert.equal(testOf({ isFailed: true })({ ...fine, status: 500 }), true);
    assert.equal(testOf({ isFailed: true })({ ...fine, failure: "CLIENT_CLOSED" }), true);
  });

  test("a status is a number, a class or a range", () => {
    assert.deepEqual(parseStatus("404"), [404, 404]);
    assert.deepEqual(parseStatus("5XX"), [500, 599]);
    assert.deepEqual(parseStatus("500-503"), [500, 503]);
    for (const wrong of ["", "6xx", "xx", "99", "503-500", "4040", "4xx-5xx"]) {
      assert.equal(parseStatus(wrong), undefined, wrong);
    }
  });
});
