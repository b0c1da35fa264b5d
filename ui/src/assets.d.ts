// What Vite imports beside code.

declare module "*.css";
declare module "*.svg" {
  const url: string;
  export { url as default };
}
