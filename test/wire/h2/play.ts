// Plays a script of frames on a peer, and says in words what came otherwise.

import { errorName, flagBits, frame, frameTypes } from "../../harness/h2-frames.ts";
import { valueOf, valuesIn } from "../../harness/h2-fields.ts";
import type { Field } from "../../harness/h2-hpack.ts";
import { section } from "../../harness/h2-hpack.ts";
import type { H2Peer, PeerStream } from "../../harness/h2-peer.ts";
import type { Script } from "./h2-case.ts";
import type { Expectation, MessagePattern, Step } from "./script.ts";

/** Cuts the bytes of the n-th group of frames of a script into the parts they are sent in. */
export type Cut = (bytes: Buffer, group: number) => readonly Buffer[];

/** Frames that follow one another without anything awaited are one group. */
export function groupsOf(steps: readonly Step[]): Buffer[] {
  const groups: Buffer[] = [];
  let isInGroup = false;
  for (const step of steps) {
    if (step.kind !== "send") isInGroup = false;
    else if (isInGroup) groups.push(Buffer.concat([groups.pop() ?? Buffer.alloc(0), step.bytes]));
    else {
      groups.push(step.bytes);
      isInGroup = true;
    }
  }
  return groups;
}

/** How a script left the connection. */
export type Left = "open" | "over" | "untold";

export async function playScript(
  { steps, isRaw }: Pick<Script, "steps" | "isRaw">,
  peer: H2Peer,
  cut: Cut,
  problems: string[],
): Promise<Left> {
  const groups = groupsOf(steps);
  let group = 0;
  let isInGroup = false;
  let left: Left = "open";
  // The first acknowledgement is for what the runner greeted with.
  const known = { settings: isRaw ? 0 : 1 };
  for (const step of steps) {
    if (step.kind === "send") {
      if (!isInGroup) void peer.send(...cut(groups[group] ?? Buffer.alloc(0), group++));
      isInGroup = true;
      continue;
    }
    isInGroup = false;
    if (step.kind === "close") peer.end();
    else if (step.kind === "reset") {
      peer.reset();
      left = "over";
    } else if (step.kind === "end") left = "untold";
    else {
      problems.push(...(await check(step, peer, known)));
      const isFatal = step.kind === "goaway" && !step.codes.includes(0);
      if (isFatal || (step.kind === "fault" && peer.ended)) left = "over";
      if (step.kind === "closed" && left === "open") left = "over";
    }
  }
  if (left === "open") await peer.barrier();
  return left;
}

async function check(
  step: Expectation,
  peer: H2Peer,
  known: { settings: number },
): Promise<string[]> {
  switch (step.kind) {
    case "message":
      return checkMessage(step, peer);
    case "malformed":
      return checkMalformed(step.stream, peer);
    case "rst": {
      const stream = await peer.until(`RST_STREAM ${step.stream}`, () =>
        untakenReset(peer, step.stream),
      );
      stream.isTaken = true;
      return sameCode(`RST_STREAM ${step.stream}`, step.codes, stream.reset ?? -1);
    }
    case "fault":
      return checkFault(step.stream, step.codes, peer);
    case "goaway": {
      const goaway = await peer.until("GOAWAY", () => peer.goaways.at(-1));
      peer.goaways.length = 0;
      const problems = sameCode("GOAWAY", step.codes, goaway.code);
      if (goaway.last > peer.lastSentStream && goaway.last < 2 ** 31 - 1)
        problems.push(`GOAWAY names stream ${goaway.last}, which nobody opened`);
      if (!step.codes.includes(0)) await ended(peer);
      // How much of a flood was served does not matter.
      if (goaway.code === 11) for (const each of peer.streams.values()) forget(each);
      return problems;
    }
    case "closed":
      await ended(peer);
      return [];
    case "quiet":
      await peer.barrier();
      return [];
    case "settings-ack":
      known.settings += 1;
      await peer.until("an acknowledgement of settings", () =>
        peer.settingsAcks >= known.settings ? true : undefined,
      );
      return [];
    case "pong":
      await peer.until("the answer to the ping", () => takeFrom(peer.pongs, step.hex));
      return [];
    case "data": {
      const length = () => peer.stream(step.stream).body.length;
      const isThere = () => peer.stream(step.stream).sections.length > 0 && length() >= step.bytes;
      await peer.until(`${step.bytes} bytes`, () => (isThere() ? true : undefined));
      await peer.barrier();
      if (length() === step.bytes) return [];
      return [`stream ${step.stream}: ${length()} bytes instead of ${step.bytes}`];
    }
    case "credit":
      await peer.until(`WINDOW_UPDATE ${step.stream}`, () => peer.credited.get(step.stream));
      return [];
    case "setting":
      await peer.until("SETTINGS", () => (peer.settings.size > 0 ? true : undefined));
      if (peer.settings.get(step.id) === step.value) return [];
      return [`setting ${step.id} is ${peer.settings.get(step.id)} instead of ${step.value}`];
  }
}

async function checkFault(id: number, codes: readonly number[], peer: H2Peer): Promise<string[]> {
  const name = `an error of stream ${id}`;
  const code = await peer.until(
    name,
    () => untakenReset(peer, id)?.reset ?? peer.goaways.at(-1)?.code,
  );
  const isFatal = peer.goaways.length > 0;
  peer.goaways.length = 0;
  forget(peer.stream(id));
  if (isFatal) await ended(peer);
  return sameCode(name, codes, code);
}

function forget(stream: PeerStream): void {
  stream.isTaken = true;
  stream.taken = stream.sections.length;
}

const ended = (peer: H2Peer) => peer.until("the end", () => (peer.ended ? true : undefined));

function takeFrom<T>(list: T[], wanted: T): true | undefined {
  const at = list.indexOf(wanted);
  if (at < 0) return undefined;
  list.splice(at, 1);
  return true;
}

function untakenReset(peer: H2Peer, id: number): PeerStream | undefined {
  const stream = peer.stream(id);
  return stream.reset !== undefined && !stream.isTaken ? stream : undefined;
}

function sameCode(what: string, wanted: readonly number[], got: number): string[] {
  if (wanted.includes(got)) return [];
  return [`${what}: expected ${wanted.map(errorName).join(" or ")}, got ${errorName(got)}`];
}

type MessageStep = Extract<Expectation, { kind: "message" }>;

async function checkMessage(step: MessageStep, peer: H2Peer): Promise<string[]> {
  const { stream: id, what, pattern, line } = step;
  const name = `${what} ${id}`;
  const needsEnd =
    pattern.body !== undefined || pattern.bytes !== undefined || pattern.trailers.length > 0;
  const stream = await peer.until(`${name} ${line.join(" ")}`, () => {
    const found = peer.stream(id);
    const isThere = found.sections.length > found.taken;
    if (!isThere && found.reset !== undefined)
      throw new Error(`${name}: ${errorName(found.reset)}`);
    const isWhole = found.isEnded || (what === "answer" ? found.reset !== undefined : !needsEnd);
    return isThere && (what === "interim" || isWhole) ? found : undefined;
  });
  const fields = stream.sections[stream.taken++] ?? [];
  const problems: string[] = [];
  if (what === "request") {
    const [method, path] = line;
    const got = [valueOf(fields, ":method"), valueOf(fields, ":path")];
    if (got[0] !== method || got[1] !== path)
      problems.push(`${name}: expected ${line.join(" ")}, got ${got.join(" ")}`);
  } else {
    const status = valueOf(fields, ":status") ?? "";
    if (!line.includes(status))
      problems.push(`${name}: expected ${line.join(" or ")}, got ${status}`);
  }
  problems.push(...compareFields(name, fields, pattern.fields));
  for (const each of pattern.absent)
    if (valuesIn(fields, each).length > 0) problems.push(`${name}: ${each} should be absent`);
  if (what !== "interim") problems.push(...compareRest(name, stream, pattern));
  return problems;
}

function compareRest(name: string, stream: PeerStream, pattern: MessagePattern): string[] {
  const problems: string[] = [];
  const { body, bytes } = pattern;
  if (body !== undefined && stream.body !== body)
    problems.push(`${name}: expected ${JSON.stringify(body)}, got ${JSON.stringify(stream.body)}`);
  if (bytes !== undefined && stream.body.length !== bytes)
    problems.push(`${name}: expected ${bytes} bytes, got ${stream.body.length}`);
  if (stream.sections.length > stream.taken) {
    const trailers = stream.sections[stream.taken++] ?? [];
    problems.push(...compareFields(`${name}, trailers`, trailers, pattern.trailers));
  } else if (pattern.trailers.length > 0) problems.push(`${name}: no trailers came`);
  return problems;
}

function compareFields(name: string, found: readonly Field[], wanted: readonly Field[]): string[] {
  const names = new Set(wanted.map(([each]) => each.toLowerCase()));
  return [...names].flatMap((each) => {
    const values = wanted.filter(([n]) => n.toLowerCase() === each).map(([, v]) => v);
    const got = valuesIn(found, each);
    const isSame =
      got.length === values.length &&
      values.every((value, at) => value === "<any>" || value === got[at]);
    return isSame
      ? []
      : [`${name}: expected ${each}: ${values.join(" | ")}, got ${got.join(" | ") || "none"}`];
  });
}

/**
 * RFC 9113 section 8.1.1: a stream error PROTOCOL_ERROR; a server may answer first, which is then a 400. When the
 * answer ends the stream, there is nothing left to reset.
 */
async function checkMalformed(id: number, peer: H2Peer): Promise<string[]> {
  const stream = await peer.until(`the refusal of stream ${id}`, () => {
    const found = peer.stream(id);
    return found.reset !== undefined || found.isEnded ? found : undefined;
  });
  if (stream.isEnded) await peer.barrier();
  stream.isTaken = true;
  const head = stream.sections[stream.taken];
  const problems: string[] = [];
  if (head !== undefined) {
    stream.taken += 1;
    const status = valueOf(head, ":status") ?? "";
    if (!/^(400|413|501|505)$/.test(status))
      problems.push(`malformed ${id} was answered with ${status}`);
    if (stream.reset === undefined || stream.reset === 0) return problems;
  }
  if (stream.reset !== 1)
    problems.push(`malformed ${id}: expected PROTOCOL_ERROR, got ${errorName(stream.reset ?? -1)}`);
  return problems;
}

/** What came that nobody expected. */
export function leftovers(peer: H2Peer): string[] {
  const found = [...peer.problems];
  for (const stream of peer.streams.values()) {
    if (stream.sections.length > stream.taken)
      found.push(
        `unexpected on stream ${stream.id}: ${JSON.stringify(stream.sections[stream.taken])}`,
      );
    // After a complete answer it only says that the rest of a request is not wanted (RFC 9113 section 8.1).
    const isPolite = stream.reset === 0 && stream.isEnded;
    if (stream.reset !== undefined && !stream.isTaken && !isPolite)
      found.push(`unexpected RST_STREAM ${stream.id} ${errorName(stream.reset)}`);
  }
  for (const { code } of peer.goaways) found.push(`unexpected GOAWAY ${errorName(code)}`);
  return found;
}

/** Another stream of the connection works, whatever became of those before. */
export async function assertAlive(peer: H2Peer, path: string): Promise<string[]> {
  const id = peer.lastSentStream + (peer.lastSentStream % 2 === 1 ? 2 : 1);
  const head = section([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "a.test"],
  ]);
  const both = flagBits.END_HEADERS | flagBits.END_STREAM;
  await peer.send(frame(frameTypes.HEADERS, both, id, head));
  const pattern = { fields: [], absent: [], trailers: [], body: "ok", bytes: undefined };
  const step = { kind: "message", what: "answer", stream: id, line: ["200"], pattern } as const;
  return (await checkMessage(step, peer)).map((each) => `afterwards: ${each}`);
}
