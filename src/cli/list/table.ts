/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Where the terminal is too narrow, the column with the lowest number goes; without one it stays. */
  readonly leaves?: number | undefined;
  /** Its texts may be cut to so many characters before a column has to go. */
  readonly least?: number | undefined;
}

/**
 * Lays out rows as a table, with a line of titles.
 *
 * @param rows The rows.
 * @param columns The columns.
 * @param width How wide it may be, by default as wide as it is. Columns that stay may be wider.
 * @returns Lines, each with its end.
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number = Infinity,
): string {
  let laid = columns.map((column) => lay(column, rows));
  while (sum(laid.map(({ least }) => least)) > width) {
    const [first] = laid.filter(({ leaves }) => leaves < Infinity)
      .sort((a, b) => a.leaves - b.leaves);
    if (first === undefined) break;
    laid = laid.filter((one) => one !== first);
  }
  // What it is too wide by goes from the columns that may be cut.
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

/** A column with the lines that it has. */
interface Laid {
  readonly lines: readonly string[];
  readonly width: number;
  readonly least: number;
  readonly leaves: number;
}

function lay<Row>(column: Column<Row>, rows: readonly Row[]): Laid {
  const { title, cell, leaves = Infinity, least = Infinity } = column;
  const lines = [title, ...rows.map((row) => onOneLine(cell(row)))];
  const width = lines.reduce((most, { length }) => Math.max(most, length), 0);
  return { lines, width, least: Math.min(least, width), leaves };
}

function sum(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

/** A text of a server may hold anything. */
function onOneLine(text: string): string {
  return text.replace(/[\s\p{C}]/gu, " ");
}
