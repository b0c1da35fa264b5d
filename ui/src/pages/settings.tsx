// Settings: what the configuration file says beside routes and services. They are changed there.

import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { mayEdit } from "../api/session.ts";
import { isMapping } from "../edit/item.ts";
import { print } from "../edit/yaml.ts";
import { Button } from "../kit/button.tsx";
import { Failed, Notice } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { toast } from "../kit/toast.ts";
import { status } from "../shell/status.ts";

const textOf = (value: unknown) => {
  if (value === false) return "off";
  if (value === true) return "on";
  return Array.isArray(value) && value.length === 0 ? "none" : String(value);
};

const isShort = (value: unknown) =>
  typeof value !== "object" || value === null || (Array.isArray(value) && value.length === 0);

export function SettingsPage() {
  const { data, error, reload } = usePolled<Readonly<Record<string, unknown>>>(
    "/v1/settings",
    15_000,
  );
  const file = status.value?.config;
  const again = async () => {
    const { message } = await send<{ message: string }>("POST", "/v1/reload");
    toast(message);
    reload();
  };
  const all = Object.entries(data ?? {});
  const short = all.filter(([, value]) => isShort(value));
  return (
    <Page
      title="Settings"
      about="As they are served now, with what is usual where the file says nothing. Times are in milliseconds, sizes in bytes."
      actions={
        mayEdit.value && (
          <Button icon="refresh" onClick={again}>
            Read the file again
          </Button>
        )
      }
    >
      {data === undefined && error !== undefined && <Failed what="Settings" error={error} />}
      <Notice>
        {file === undefined
          ? "There is no configuration file: tidegate init writes one."
          : "They are changed in the configuration file, and live a moment after it is saved: "}
        {file !== undefined && <code>{file}</code>}
      </Notice>
      {short.length > 0 && (
        <Card title="In short">
          <Facts rows={short.map(([name, value]) => [name, textOf(value)])} />
        </Card>
      )}
      {all
        .filter(([, value]) => !isShort(value) && !(isMapping(value) && isEmpty(value)))
        .map(([name, value]) => (
          <Card key={name} title={name}>
            <pre tabIndex={0}>{print(value)}</pre>
          </Card>
        ))}
    </Page>
  );
}

const isEmpty = (value: Readonly<Record<string, unknown>>) => Object.keys(value).length === 0;
