import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { ResponseHead } from "../../src/http/response-head.ts";
import { dropHopByHop } from "../../src/proxy/hop-by-hop.ts";
import { within } from "../harness/barrier.ts";
import { readMessage } from "../harness/message.ts";
import { fuzz } from "./fuzz.ts";

const sample: string[] = [];
let seen = 0;

function read(text: string, isHead: boolean): ResponseHead | undefined {
  const head = new ResponseHead();
  return head.read(text, 0, text.length, 100, isHead) === undefined ? head : undefined;
}

/** As Node's client takes it: status, reason and fields. */
function asNodeReads(port: number): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ port, host: "127.0.0.1", agent: false });
    const take = ({ statusCode, statusMessage, rawHeaders }: IncomingMessage): void => {
      resolve(JSON.stringify([statusCode, statusMessage, rawHeaders]));
      asked.destroy();
    };
    asked.on("response", take);
    asked.on("upgrade", take);
    asked.on("error", (error) => resolve(`refused: ${error.message}`));
    asked.end();
  });
}

async function compareWithNode(): Promise<void> {
  let answer = "";
  const server = createServer((socket) => {
    socket.on("error", () => {}); // the client may reset what it refuses
    socket.once("data", () => socket.end(answer, "latin1"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    for (answer of sample) {
      const [line = "", ...fields] = answer.slice(0, -4).split("\r\n");
      const pairs = fields.flatMap((field) => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon), field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
      });
      const wanted = JSON.stringify([Number(line.slice(9, 12)), line.slice(13), pairs]);
      const got = await within(asNodeReads(port), 5000, `Node to read ${JSON.stringify(answer)}`);
      assert.equal(got, wanted, JSON.stringify(answer));
    }
  } finally {
    server.close();
  }
}

fuzz({
  name: "response-head",
  words: [
    ..."HTTP/1.1 200 OK|HTTP/1.0|204|304|101|100|999| |OK|Content-Length: 5\r\n|Transfer-Encoding: chunked\r\n".split(
      "|",
    ),
    ..."Connection: close\r\n|Connection: x-odd\r\n|X-Odd: 1\r\n|Keep-Alive: 5\r\n|Set-Cookie: a=b\r\n|Upgrade: h2c\r\n".split(
      "|",
    ),
    ...":|,|\t|\r\n|\r|\n|\0|\x7f|\x80|\r\n |\r\n\r\n".split("|"),
  ],
  check(input, random) {
    const end = input.indexOf("\r\n\r\n");
    const text = end < 0 ? `${input}\r\n\r\n` : input.slice(0, end + 4);
    const isHead = random.below(5) === 0;
    const head = read(text, isHead);
    if (head === undefined) return false;
    assert.ok(head.status >= 100 && head.status <= 999);
    assert.equal(text.slice(text.indexOf("\r\n") + 2, -2), head.fields.serialise());
    const { status, reason, bodyLength } = head;
    dropHopByHop(head.fields);
    const passedOn = `HTTP/1.1 ${status} ${reason}\r\n${head.fields.serialise()}\r\n`;
    for (const line of passedOn.slice(0, -4).split("\r\n")) assert.match(line, /^[^\r\n\0]+$/);
    assert.doesNotMatch(
      passedOn,
      /\r\n(?:connection|transfer-encoding|keep-alive|upgrade)[ \t]*:/i,
    );
    const other = readMessage(passedOn, { kind: "response", ended: true });
    assert.notEqual(other.kind, "bad", JSON.stringify(passedOn));
    const again = read(passedOn, isHead);
    assert.deepEqual([again?.status, again?.reason], [status, reason]);
    if (bodyLength >= 0) assert.equal(again?.bodyLength, bodyLength);
    seen++;
    if (status < 200 || status === 101) return true;
    if (sample.length < 150) sample.push(text);
    else if (seen % 89 === 0) sample[(seen / 89) % 150] = text;
    return true;
  },
  finish: compareWithNode,
});
