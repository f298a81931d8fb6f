
"use strict";
// A click on a column's head sorts the table, a second one the other way round, and a third one
// brings back the order that it had. Without scripts the tables are as readable.
const words = new Intl.Collator("en", { numeric: true });

function compare(one, other) {
  const numbers = [one, other].map((cell) => cell.dataset.number);
  if (numbers.every((number) => number !== undefined)) return Number(numbers[0]) - Number(numbers[1]);
  return words.compare(one.textContent, other.textContent);
}

function sorted(rows, column, sign) {
  const isOfNumbers = rows.some((row) => row.cells[column].dataset.number !== undefined);
  const isEmpty = ({ cells }) =>
    isOfNumbers ? cells[column].dataset.number === undefined : !cells[column].textContent.trim();
  const full = rows.filter((row) => !isEmpty(row));
  // What is missing comes last in both directions.
  full.sort((one, other) => sign * compare(one.cells[column], other.cells[column]));
  return [...full, ...rows.filter(isEmpty)];
}

for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  if (rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    if (button.textContent.trim() === "") button.setAttribute("aria-label", "first column");
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      if (next) head.setAttribute("aria-sort", next);
      body.append(...(next ? sorted(rows, column, next === "ascending" ? 1 : -1) : rows));
    });
  });
}
