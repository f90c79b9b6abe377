/** The command: its main function, and what it needs of a runtime. */
export type { Files, Host, OpenFile, Output } from "./host.ts";
export { main } from "./main.ts";
