/**
 * Rows as a table that fits a terminal.
 *
 * @module
 */

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** If the terminal is too narrow, the column with the lowest number is left out first. */
  readonly leaves?: number | undefined;
  /** Its texts may be cut to so many characters before a column is left out. */
  readonly least?: number | undefined;
}

/**
 * Lays out rows as a table, with a line of titles.
 *
 * @param width How wide it may be. Columns that are never left out may be wider.
 * @returns Lines, each with its end.
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number = Infinity,
): string {
  let laid = columns.map(({ title, cell, leaves = Infinity, least = Infinity }) => {
    const lines = [title, ...rows.map((row) => cell(row).replace(/[\s\p{C}]/gu, " "))];
    const width = lines.reduce((most, { length }) => Math.max(most, length), 0);
    return { lines, width, least: Math.min(least, width), leaves };
  });
  const sum = (widths: readonly number[]) =>
    widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  while (sum(laid.map(({ least }) => least)) > width) {
    const lowest = Math.min(...laid.map(({ leaves }) => leaves));
    if (lowest === Infinity) break;
    laid = laid.filter(({ leaves }) => leaves !== lowest);
  }
  let excess = Math.max(0, sum(laid.map((column) => column.width)) - width);
  const shown = laid.map((column) => {
    const cut = Math.min(excess, column.width - column.least);
    excess -= cut;
    return column.lines.map((line) => fit(line, column.width - cut));
  });
  return Array.from(
    { length: rows.length + 1 },
    (_, index) => `${shown.map((lines) => lines[index] ?? "").join(gap).trimEnd()}\n`,
  ).join("");
}

const gap = "  ";

/** Cuts a text between two words if it can. */
function fit(text: string, width: number): string {
  if (text.length <= width) return text.padEnd(width);
  const cut = text.slice(0, width - 1);
  const end = /[\s,;]/.test(text.charAt(width - 1)) ? cut.length : cut.lastIndexOf(" ");
  const words = end > 0 ? cut.slice(0, end) : cut;
  return `${words.replace(/[\s,;]+$/, "")}…`.padEnd(width);
}
