/** Return the text of a field, trimmed; missing fields are empty. */
export function fieldText(form, name) {
  const raw = form[name];
  return raw === undefined || raw === null ? "" : String(raw).trim();
}

/** Return the first error of a text, null where all rules hold. */
export function firstError(text, rules) {
  for (const rule of rules) {
    const message = rule(text);
    if (message !== null) return message;
  }
  return null;
}
