// A reporter for `node --test`: writes the files in which something failed, one a line.

export default async function* failedFiles(events) {
  for await (const { type, data } of events) {
    if (type === "test:fail" && data.nesting === 0) yield `${data.file ?? data.name}\n`;
  }
}
