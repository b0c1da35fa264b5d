// Taking an item out of the store, after it was said what that does.

import { useEffect, useState } from "preact/hooks";
import { send, sentenceOf } from "../api/client.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Notice } from "../kit/notice.tsx";
import { toast, toastProblem } from "../kit/toast.ts";
import { type ChangeResult, type Item, itemPath, plainName, undo } from "./item.ts";
import { Review } from "./review.tsx";

export interface RemoveProps {
  readonly item: Item;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function Remove({ item, onClose, onDone }: RemoveProps) {
  const [result, setResult] = useState<ChangeResult | undefined>(undefined);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const name = plainName(item);
  const take = (query: string) =>
    send<ChangeResult>("DELETE", `${itemPath(item.section, name)}${query}`, undefined, {
      headers: { "If-Match": `"${item.revision}"` },
    });
  useEffect(() => {
    take("?dryRun=true").then(setResult, (error: unknown) => setTrouble(sentenceOf(error)));
  }, []);
  const apply = async () => {
    const { revision } = await take("");
    toast(`${name} is gone.`, "good", {
      label: "Undo",
      run: () => undo(revision).then(() => toast(`${name} is back.`), toastProblem),
    });
    onDone();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="danger" icon="trash" disabled={result === undefined} onClick={apply}>
        Take out
      </Button>
    </>
  );
  return (
    <Dialog title={`Take ${name} out?`} wide onClose={onClose} footer={footer}>
      {trouble !== undefined && <Notice tone="bad">{trouble}</Notice>}
      {result === undefined && trouble === undefined && <p class="muted">Looking …</p>}
      {result !== undefined && <Review result={result} />}
    </Dialog>
  );
}
