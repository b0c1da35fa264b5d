// A domain of libvirt as its XML tells of it: what it is called, on which networks it is, and what its owner
// wants. The metadata and the description are the owner's own words.

import { DOMParser, type Element } from "@xmldom/xmldom";
import { virsh } from "../../config/provider-limits.ts";

export interface Domain {
  readonly uuid: string;
  readonly name: string;
  readonly interfaces: readonly DomainInterface[];
  /** The agent inside answers. */
  readonly hasAgent: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export interface DomainInterface {
  /** Lower-case. */
  readonly mac: string;
  /** Of libvirt, or a bridge of the machine. */
  readonly network: string;
  /** Interface of the machine that it hangs on; "" = unknown. */
  readonly bridge: string;
}

const labelNamespace = "https://tidegate.dev/libvirt";

/** A sentence when it cannot be read. */
export function parseDomain(xml: string): Domain | string {
  if (xml.length > virsh.domainBytes) return "its description is too long to be read";
  // libvirt writes none, and an entity could stand for gigabytes.
  if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) return "its description declares entities";
  try {
    return domainOf(parseXml(xml));
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error);
    return `its description cannot be read: ${why}`;
  }
}

function parseXml(xml: string): Element | null {
  const refuse = (_level: string, message: string) => {
    throw new Error(message);
  };
  return new DOMParser({ onError: refuse }).parseFromString(xml, "text/xml").documentElement;
}

function domainOf(root: Element | null): Domain | string {
  const name = textOf(root, "name");
  if (root?.localName !== "domain" || name === "") return "its description has no name";
  const devices = children(root, "devices");
  return {
    uuid: textOf(root, "uuid"),
    name,
    interfaces: devices.flatMap((each) => children(each, "interface")).flatMap(interfaceOf),
    hasAgent: devices.flatMap((each) => children(each, "channel")).some(isLiveAgent),
    labels: Object.fromEntries([
      ...describedLabels(textOf(root, "description")),
      ...metadata(root),
    ]),
  };
}

function interfaceOf(element: Element): DomainInterface[] {
  const mac = attribute(children(element, "mac")[0], "address").toLowerCase();
  if (mac === "") return [];
  const source = children(element, "source")[0];
  const bridge = attribute(source, "bridge");
  const network = attribute(source, "network") || bridge || attribute(source, "dev");
  return [{ mac, network, bridge }];
}

function isLiveAgent(channel: Element): boolean {
  const target = children(channel, "target")[0];
  const name = attribute(target, "name");
  return name === "org.qemu.guest_agent.0" && attribute(target, "state") === "connected";
}

/** Lines like `tidegate.host=shop.example.com`, as `virsh desc` writes them. */
function describedLabels(description: string): [string, string][] {
  return description.split("\n").flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*(tidegate\.[\w.-]+)\s*=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value.trim()]];
  });
}

/** Attributes of elements in our namespace, and elements `label` for names that no attribute can have. */
function metadata(root: Element): [string, string][] {
  const labels: [string, string][] = [];
  const visit = (element: Element) => {
    if (element.namespaceURI === labelNamespace) {
      if (element.localName === "label") {
        labels.push([labelName(attribute(element, "name")), (element.textContent ?? "").trim()]);
      } else {
        for (const each of element.attributes) {
          if (each.namespaceURI === null) labels.push([labelName(each.name), each.value]);
        }
      }
    }
    for (const child of elements(element)) visit(child);
  };
  for (const each of children(root, "metadata")) visit(each);
  return labels;
}

function labelName(name: string): string {
  return name.startsWith("tidegate.") ? name : `tidegate.${name}`;
}

function textOf(parent: Element | null, name: string): string {
  const [found] = parent === null ? [] : children(parent, name);
  return found?.textContent ?? "";
}

function attribute(element: Element | undefined, name: string): string {
  return element?.getAttribute(name) ?? "";
}

/** Those of libvirt's own, which are in no namespace. */
function children(parent: Element, name: string): Element[] {
  return elements(parent).filter((each) => each.namespaceURI === null && each.localName === name);
}

function elements(parent: Element): Element[] {
  return [...parent.childNodes].filter((node): node is Element => node.nodeType === 1);
}
