import tables from "./migrations/0001_state_and_audit.sql";

/**
 * Runs statements, all of them or none. Where there are no tables yet it makes them: a Worker that was
 * deployed without its migrations must not lose the ability to delete.
 */
export async function runStatements(
  db: D1Database,
  statements: readonly D1PreparedStatement[],
): Promise<readonly D1Result[]> {
  try {
    return await db.batch(statements);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("no such table"))) throw error;
    await db.batch(statementsOf(tables).map((statement) => db.prepare(statement)));
    return await db.batch(statements);
  }
}

/** Each statement of the file. One ends with a semicolon at the end of a line. */
function statementsOf(text: string): string[] {
  return text.replace(/^--.*$/gm, "").split(/;\s*\n/).filter((statement) =>
    statement.trim() !== ""
  );
}
