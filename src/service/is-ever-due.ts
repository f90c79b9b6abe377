/** How long the months are at most. */
const lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * Whether a cron expression is due on any day: `0 0 30 2 *` is not, and not every runtime refuses it.
 * What is no expression is left to the runtime.
 */
export function isEverDue(expression: string): boolean {
  const [, , days = "", months = "", weekdays] = expression.split(/\s+/);
  if (weekdays !== "*") return true; // such a day will do instead
  const plainDays = days
    .replace(/W$/i, "") // the working day that is nearest to it, of the same month
    .replace(/^L(?:-(\d+))?$/i, (_, before = 0) => String(Number(before) + 1)); // the last but so many
  const first = Math.min(...valuesOf(plainDays, 31));
  const longest = Math.max(...valuesOf(months, 12).map((month) => lengths[month - 1] ?? NaN));
  return !(first > longest);
}

const field = /^(\*|\d\d?|[a-z]{3})(?:-(\d\d?|[a-z]{3}))?(?:\/([1-9]\d?))?$/i;

/** The values from 1 to `most` that a list names; NaN is for what is none. */
function valuesOf(list: string, most: number): readonly number[] {
  return list.split(",").flatMap((part) => {
    const [, from = "none", to, step] = field.exec(part) ?? [];
    const first = from === "*" ? 1 : valueOf(from);
    const isOpen = to === undefined && (from === "*" || step !== undefined);
    const last = isOpen ? most : valueOf(to ?? from);
    const span = last < first ? last + most - first : last - first; // past the end, and from 1 again
    if (Number.isNaN(span)) return span;
    const every = Number(step ?? 1);
    const length = Math.floor(span / every) + 1;
    return Array.from({ length }, (_, index) => (first + index * every - 1) % most + 1);
  });
}

function valueOf(text: string): number {
  const index = names.indexOf(text.toLowerCase());
  return index < 0 ? Number(text) : index + 1;
}
