import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendState, Mark, ServiceState } from "./state.ts";
import { StateBook, type StateUser } from "./state-book.ts";

function backend(service: string, url: string, change: Partial<BackendState> = {}): BackendState {
  return { service, backend: url, health: "up", isDraining: false, ...change };
}

function service(name: string, change: Partial<ServiceState> = {}): ServiceState {
  return { service: name, isPaused: false, isInMaintenance: false, ...change };
}

const down = { health: "down" } as const;
const nothing = { backends: [], services: [], marks: [] };

/** Notes what it is told. */
class Listener implements StateUser {
  states = 0;
  readonly marks: Mark[] = [];

  onStates(): void {
    this.states++;
  }

  onMark(mark: Mark): void {
    this.marks.push(mark);
  }
}

test("what is known of a backend and a service is found, and forgotten when all is as usual", () => {
  const book = new StateBook();
  const a = backend("s", "a", down);
  book.learn({ ...nothing, backends: [a, backend("s", "b", { isDraining: true })] });
  assert.equal(book.backend("s", "a"), a);
  assert.equal(book.backend("s", "b")?.isDraining, true);
  assert.equal(book.backend("t", "a"), undefined, "of another service");
  book.learn({ ...nothing, services: [service("s", { isPaused: true })] });
  assert.equal(book.service("s")?.isPaused, true);
  assert.equal(book.backend("s", "a"), a, "news of one thing is no news of another");
  book.learn({ ...nothing, backends: [backend("s", "a")], services: [service("s")] });
  assert.deepEqual([book.backend("s", "a"), book.service("s")], [undefined, undefined]);
  assert.equal(book.backend("s", "b")?.isDraining, true);
});

test("only those services are told that something is known of", () => {
  const book = new StateBook();
  const [s, t] = [new Listener(), new Listener()];
  book.join("s", s);
  book.join("t", t);
  book.learn({ ...nothing, backends: [backend("s", "a", down), backend("s", "b", down)] });
  assert.deepEqual([s.states, t.states], [1, 0], "once for all that came together");
  const dead: Mark = {
    kind: "dead",
    service: "t",
    backend: "a",
    for: 5,
    why: "x",
    isUnreachable: false,
  };
  book.learn({ ...nothing, marks: [dead, { kind: "alive", service: "gone", backend: "a" }] });
  assert.deepEqual([s.marks, t.marks], [[], [dead]]);
  assert.deepEqual([s.states, t.states], [1, 0]);
});

test("states that replace all say of everybody else that it is as usual again", () => {
  const book = new StateBook();
  const [s, t, u] = [new Listener(), new Listener(), new Listener()];
  book.join("s", s);
  book.join("t", t);
  book.join("u", u);
  book.learn({
    ...nothing,
    backends: [backend("s", "a", down)],
    services: [service("t", { isInMaintenance: true })],
  });
  book.replace({ ...nothing, backends: [backend("u", "a", down)] });
  assert.deepEqual([s.states, t.states, u.states], [2, 2, 1]);
  assert.deepEqual([book.backend("s", "a"), book.service("t")], [undefined, undefined]);
  assert.equal(book.backend("u", "a")?.health, "down");
});

test("when nobody tells of the end of pauses, none is paused any more, nor later", () => {
  const book = new StateBook();
  const [s, t, u] = [new Listener(), new Listener(), new Listener()];
  book.join("s", s);
  book.join("t", t);
  book.join("u", u);
  const both = service("t", { isPaused: true, isInMaintenance: true });
  const services = [
    service("s", { isPaused: true }),
    both,
    service("u", { isInMaintenance: true }),
  ];
  book.learn({ ...nothing, services });
  book.endPauses();
  assert.equal(book.service("s"), undefined);
  assert.deepEqual(book.service("t"), { ...both, isPaused: false }, "maintenance stays");
  assert.deepEqual([s.states, t.states, u.states], [2, 2, 1]);
  book.learn({ ...nothing, services });
  assert.deepEqual([book.service("s"), book.service("t")?.isPaused], [undefined, false]);
  book.replace({ ...nothing, services });
  assert.deepEqual([book.service("s"), book.service("t")?.isPaused], [undefined, false]);
});

test("what came before a service is there when it comes, and one made anew takes the place of the old", () => {
  const book = new StateBook();
  book.learn({ ...nothing, backends: [backend("s", "a", down)] });
  const [old, fresh] = [new Listener(), new Listener()];
  book.join("s", old);
  assert.equal(book.backend("s", "a")?.health, "down");
  book.join("s", fresh);
  book.leave("s", old);
  book.learn({ ...nothing, services: [service("s", { isPaused: true })] });
  assert.deepEqual([old.states, fresh.states], [0, 1]);
  book.leave("s", fresh);
  book.learn({ ...nothing, services: [service("s")] });
  assert.equal(fresh.states, 1);
});
