import { fieldText, firstError } from "./fields.js";

/** Check a form against a schema {name: {required, rules}} and return {name: message}. */
export function validate(form, schema) {
  const errors = {};
  for (const [name, { required = false, rules = [] }] of Object.entries(schema)) {
    const text = fieldText(form, name);
    if (text.length === 0) {
      if (required) errors[name] = "is required";
      continue;
    }
    const message = firstError(text, rules);
    if (message !== null) errors[name] = message;
  }
  return errors;
}
