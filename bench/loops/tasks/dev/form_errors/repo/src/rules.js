/** Rules take a text and return an error message, or null where all is well. */
export const maxLength = (limit) => (text) =>
  text.length > limit ? `at most ${limit} characters` : null;

export const matches = (regex, message) => (text) => (regex.test(text) ? null : message);

export const isNumber = (text) => (Number.isNaN(Number(text)) ? "must be a number" : null);
