// What somebody does who has a new WordPress: installs it, logs in, uploads a picture, publishes a post, chooses how
// addresses look. In a browser, by the pages that WordPress shows.

import { crc32, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";

export const owner = { name: "owner", password: "correct-horse-battery-staple-8" } as const;

/** By its first page, which leads there by itself. */
export async function install(page: Page, base: string, title: string): Promise<void> {
  await page.goto(`${base}/`);
  await page.waitForURL(/\/wp-admin\/install\.php/);
  await page.fill("#weblog_title", title);
  await page.fill("#user_login", owner.name);
  await page.fill("#pass1", owner.password);
  await page.fill("#admin_email", "owner@blog.test");
  await page.click("#submit");
  await page.waitForSelector("text=Success!");
}

export async function logIn(page: Page, base: string): Promise<void> {
  await page.goto(`${base}/wp-login.php`);
  await page.fill("#user_login", owner.name);
  await page.fill("#user_pass", owner.password);
  await page.click("#wp-submit");
  await page.waitForURL(/\/wp-admin\/$/);
  await page.waitForSelector("#wpadminbar");
}

/** Returns the address of the picture as WordPress tells it. */
export async function uploadPicture(page: Page, base: string, picture: Picture): Promise<string> {
  await page.goto(`${base}/wp-admin/media-new.php?browser-uploader`);
  const { name, bytes } = picture;
  await page.setInputFiles("#async-upload", { name, mimeType: "image/png", buffer: bytes });
  await page.click("#html-upload");
  await page.waitForURL(/\/wp-admin\/upload\.php/);
  await page.click(".attachments .attachment .thumbnail, #the-list .title a");
  const field = await page.waitForSelector(
    "#attachment-details-two-column-copy-link, #attachment_url",
  );
  return await field.inputValue();
}

/** Addresses without question marks: `/title-of-a-post/`. */
export async function choosePrettyAddresses(page: Page, base: string): Promise<void> {
  await page.goto(`${base}/wp-admin/options-permalink.php`);
  // It has this value where WordPress believes that it can be done.
  await page.check('input[name="selection"][value="/%postname%/"]');
  await page.click("#submit");
  await page.waitForSelector("#setting-error-settings_updated, .notice-success");
}

/** In its editor. Returns the post's address. */
export async function publish(
  page: Page,
  base: string,
  post: { readonly title: string; readonly text: string },
): Promise<string> {
  await page.goto(`${base}/wp-admin/post-new.php`);
  await page.click('.components-modal__header button[aria-label^="Close"]');
  await page.fill(".editor-post-title__input", post.title);
  await page.keyboard.press("Enter");
  await page.keyboard.type(post.text);
  await page.click(".editor-post-publish-panel__toggle");
  await page.click(".editor-post-publish-panel__header-publish-button button");
  const link = await page.waitForSelector(".post-publish-panel__postpublish-header a");
  return (await link.getAttribute("href")) ?? "";
}

export interface Picture {
  readonly name: string;
  readonly width: number;
  readonly bytes: Buffer;
}

/** A PNG of noise: it does not get smaller than it is. */
export function noise(name: string, width: number): Picture {
  const row = width * 3 + 1;
  const pixels = Buffer.alloc(row * width);
  let seed = 1;
  for (let at = 0; at < pixels.length; at += 1) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    pixels[at] = at % row === 0 ? 0 : seed >>> 24;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(width, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(pixels)), chunk("IEND")];
  return { name, width, bytes: Buffer.concat([signature, ...parts]) };
}

function chunk(kind: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const [before, after] = [Buffer.alloc(4), Buffer.alloc(4)];
  before.writeUInt32BE(data.length);
  after.writeUInt32BE(crc32(body));
  return Buffer.concat([before, body, after]);
}

/** By the form below a post, by whoever is logged in; it leads back to the post. */
export async function comment(page: Page, link: string, text: string): Promise<void> {
  await page.goto(link);
  await page.fill("#comment", text);
  await page.click("#commentform #submit");
  await page.waitForURL(/#comment-\d+$/);
  await page.waitForSelector(`.wp-block-comment-content:has-text("${text}")`);
}
