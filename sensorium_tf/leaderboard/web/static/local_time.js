// Adds the reader's own time to each time in UTC.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (at.getTimezoneOffset()) {
    const local = at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    time.append(`, ${local} here`);
  }
}
