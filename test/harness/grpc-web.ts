// A client of gRPC-Web as browsers have it (connect-web), for the server of grpc.ts: its messages are bytes in a field.

import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  type BytesValue,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

const bytesMessage = {
  name: "Bytes",
  field: [
    {
      name: "value",
      jsonName: "value",
      number: 1,
      label: FieldDescriptorProto_Label.OPTIONAL,
      type: FieldDescriptorProto_Type.BYTES,
    },
  ],
};

const method = (name: string, serverStreaming: boolean) => ({
  name,
  inputType: ".test.Bytes",
  outputType: ".test.Bytes",
  serverStreaming,
});

function callsService(): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    messageType: [bytesMessage],
    service: [
      {
        name: "Calls",
        method: [method("Echo", false), method("Fail", false), method("Count", true)],
      },
    ],
  });
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
  const service = registry.getService("test.Calls");
  if (service === undefined) throw new Error("unreachable");
  return service;
}

export type WebMessage = Pick<BytesValue, "value">;

export interface WebCalls {
  echo(message: WebMessage, options?: { readonly timeoutMs?: number }): Promise<WebMessage>;
  count(message: WebMessage): AsyncIterable<WebMessage>;
}

/** @param baseUrl where its calls go, by `fetch` */
export function webClient(baseUrl: string, headers: Readonly<Record<string, string>>): WebCalls {
  const transport = createGrpcWebTransport({
    baseUrl,
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
        return next(request);
      },
    ],
  });
  return createClient(callsService(), transport) as unknown as WebCalls;
}

/** A message in a frame of gRPC-Web. */
export function webFrame(message: Buffer): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

export interface WebBody {
  readonly messages: readonly Buffer[];
  /** "" = there were none. */
  readonly trailers: string;
}

/** What a body has. @throws when it is none */
export function readWebBody(body: Buffer): WebBody {
  const messages: Buffer[] = [];
  let trailers = "";
  for (let at = 0; at < body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length || trailers !== "") throw new Error("not a body of gRPC-Web");
    const content = body.subarray(at + 5, end);
    if (body[at] === 0x80) trailers = content.latin1Slice();
    else messages.push(content);
    at = end;
  }
  return { messages, trailers };
}
