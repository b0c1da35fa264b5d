import assert from "node:assert/strict";
import { maxRanges } from "../../src/config/files-limits.ts";
import { acceptedOf } from "../../src/http/accept-encoding.ts";
import { listHasStrongly, listHasWeakly } from "../../src/files/entity-tag.ts";
import { readHttpDate } from "../../src/files/http-date.ts";
import { multipartOf } from "../../src/files/multipart.ts";
import { readRanges } from "../../src/files/ranges.ts";
import { fuzz } from "./fuzz.ts";

fuzz({
  name: "file-ranges",
  words:
    'bytes=|bytes|=|-|,|, |0|1|9|99|1-2|-1|5-|0-0|99999999999999999999|W/|"a"|*|;q=0.5|br'.split(
      "|",
    ),
  check(input, random) {
    const size = random.below(3) === 0 ? 0 : random.below(2000);
    const ranges = readRanges(input, size);
    // The same text where other things are expected: it is read, or it is not.
    listHasWeakly(input, '"a"');
    assert.ok(!listHasStrongly(input, '"a"') || listHasWeakly(input, '"a"'));
    readHttpDate(input);
    for (const each of acceptedOf(input, ["br", "gzip"])) assert.ok(["br", "gzip"].includes(each));
    if (typeof ranges === "string") return false;
    assert.ok(ranges.length > 0 && ranges.length <= maxRanges);
    let bytes = 0;
    for (const { start, end } of ranges) {
      assert.ok(Number.isSafeInteger(start) && Number.isSafeInteger(end));
      assert.ok(start >= 0 && start < end && end <= size, `${start}-${end} of ${size}`);
      bytes += end - start;
    }
    assert.ok(bytes <= size, "more than there is");
    const { pieces, length } = multipartOf(ranges, size, "text/plain");
    const real = pieces.map((each) =>
      typeof each === "string" ? each.length : each.end - each.start,
    );
    assert.equal(
      real.reduce((sum, each) => sum + each, 0),
      length,
    );
    return true;
  },
});
