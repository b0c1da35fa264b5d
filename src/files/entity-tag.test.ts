import assert from "node:assert/strict";
import { test } from "node:test";
import { entityTag, listHasStrongly, listHasWeakly, matchesStrongly } from "./entity-tag.ts";

const facts = {
  size: 5,
  modifiedAt: 1_700_000_000_123.5,
  changedAt: 1_700_000_000_123.5,
  inode: 42n,
};
const later = facts.modifiedAt + 10_000;

test("another inode, size, change or encoding makes another tag", () => {
  const tags = [
    entityTag(facts, later),
    entityTag({ ...facts, size: 6 }, later),
    entityTag({ ...facts, inode: 43n }, later),
    entityTag({ ...facts, changedAt: facts.changedAt + 0.5 }, later),
    entityTag(facts, later, "-br"),
  ];
  assert.equal(new Set(tags).size, tags.length);
  assert.equal(entityTag(facts, later), tags[0]);
  for (const each of tags) assert.match(each, /^"[\w-]+"$/);
});

test("a file that has just changed, or will have, has a weak tag", () => {
  assert.match(entityTag(facts, facts.modifiedAt + 1999), /^W\/"/);
  assert.match(entityTag(facts, facts.modifiedAt - 1), /^W\/"/);
  assert.match(entityTag(facts, facts.modifiedAt + 2000), /^"/);
});

test("lists are read tag by tag", () => {
  assert.ok(listHasWeakly('"a"', '"a"'));
  assert.ok(listHasWeakly('"x", W/"a" ,"y"', '"a"'));
  assert.ok(listHasWeakly('"a"', 'W/"a"'));
  assert.ok(listHasWeakly("*", '"a"'));
  assert.ok(listHasWeakly(',, "a"', '"a"'));
  assert.ok(listHasWeakly('"x,y", "a"', '"a"'), "a tag may hold a comma");
  assert.ok(!listHasWeakly('"x, "a"', '"a"'), "what is no tag ends the list");
  assert.ok(!listHasWeakly("a", '"a"'));
  assert.ok(!listHasWeakly("", '"a"'));
  assert.ok(!listHasStrongly('W/"a"', '"a"'));
  assert.ok(!listHasStrongly('W/"a"', 'W/"a"'));
  assert.ok(listHasStrongly('W/"a", "a"', '"a"'));
  assert.ok(!matchesStrongly('W/"a"', 'W/"a"'));
});

test("a long list is read in linear time", () => {
  const begin = performance.now();
  assert.ok(!listHasWeakly('"a", '.repeat(50_000), '"b"'));
  assert.ok(!listHasWeakly(`${" ,".repeat(50_000)}x`, '"b"'));
  assert.ok(!listHasWeakly(`"${"a".repeat(100_000)}`, '"b"'));
  assert.ok(performance.now() - begin < 1000);
});
