// One route: what it says, whose it is, what is odd; and the ways to change it: here, by an overlay, or where it stands.

import { useState } from "preact/hooks";
import { mayEdit } from "../api/session.ts";
import { Editor } from "../edit/editor.tsx";
import type { Item } from "../edit/item.ts";
import { plainName } from "../edit/item.ts";
import { Remove } from "../edit/remove.tsx";
import { print } from "../edit/yaml.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Notice } from "../kit/notice.tsx";
import { Facts } from "../kit/page.tsx";
import { href } from "../router.ts";
import { matchOf, targetOf } from "./route-words.ts";

export interface RouteDetailsProps {
  readonly item: Item;
  /** What was laid over it here. */
  readonly overlay: Item | undefined;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

type Doing = "edit" | "remove" | "overlay" | "remove overlay";

export function RouteDetails({ item, overlay, onClose, onChange }: RouteDetailsProps) {
  const [doing, setDoing] = useState<Doing | undefined>(undefined);
  const stop = () => setDoing(undefined);
  // Back to the list: what says that it is done, and takes it back, cannot be reached behind a panel.
  const done = () => {
    onChange();
    onClose();
  };
  if (doing === "edit") {
    const { section } = item;
    return <Editor section={section} name={plainName(item)} exists onClose={stop} onDone={done} />;
  }
  if (doing === "overlay") {
    return (
      <Editor
        section="overlays"
        name={item.name}
        exists={overlay !== undefined}
        onClose={stop}
        onDone={done}
      />
    );
  }
  if (doing === "remove") return <Remove item={item} onClose={stop} onDone={done} />;
  if (doing === "remove overlay" && overlay !== undefined) {
    return <Remove item={overlay} onClose={stop} onDone={done} />;
  }
  return <Shown {...{ item, overlay, onClose }} onDo={setDoing} />;
}

interface ShownProps extends Omit<RouteDetailsProps, "onChange"> {
  readonly onDo: (what: Doing) => void;
}

function Shown({ item, overlay, onClose, onDo }: ShownProps) {
  const { name, source, place, notes, value, section } = item;
  const isOwn = source === "store";
  const mayOverlay = section === "routes" && !isOwn && source !== "file";
  const [asked = ""] = matchOf(item).split(/[, ]/);
  const isAsked = section === "routes" && /^[\w.-]+(\/[\w./-]*)?$/.test(asked);
  const url = `http://${asked}${asked.includes("/") ? "" : "/"}`;
  const footer = (
    <>
      {isAsked && (
        <LinkButton icon="explain" href={`${href("explain")}?url=${encodeURIComponent(url)}`}>
          Explain
        </LinkButton>
      )}
      {mayEdit.value && isOwn && (
        <>
          <Button icon="trash" onClick={() => onDo("remove")}>
            Take out
          </Button>
          <Button kind="primary" icon="edit" onClick={() => onDo("edit")}>
            Edit
          </Button>
        </>
      )}
      {mayEdit.value && mayOverlay && (
        <Button kind="primary" icon="edit" onClick={() => onDo("overlay")}>
          {overlay === undefined ? "Change it by an overlay" : "Edit the overlay"}
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={name} place="side" wide onClose={onClose} footer={footer}>
      {notes.map((each) => (
        <Notice key={each} tone="warn">
          {each}
        </Notice>
      ))}
      <Facts
        rows={[
          ["Takes", matchOf(item)],
          ["Leads to", targetOf(item)],
          ["Owner", isOwn ? "console, API and commands" : source],
          ["Written in", place],
          ["Last change", item.revision === null ? undefined : `revision ${item.revision}`],
        ]}
      />
      {!isOwn && mayEdit.value && (
        <Notice>
          {mayOverlay
            ? "It is changed where it is written, or by an overlay: keys that are laid over it here."
            : "It is written in the configuration file: change it there, and it is live a moment later."}
        </Notice>
      )}
      <h3>As it {isOwn ? "is written" : "was understood"}</h3>
      <pre class="said" tabIndex={0}>
        {print(value)}
      </pre>
      {overlay !== undefined && (
        <>
          <div class="row">
            <h3>Laid over it here</h3>
            <span class="push" />
            {mayEdit.value && (
              <Button small icon="trash" onClick={() => onDo("remove overlay")}>
                Take the overlay off
              </Button>
            )}
          </div>
          <pre class="said" tabIndex={0}>
            {print(overlay.value)}
          </pre>
        </>
      )}
    </Dialog>
  );
}
