// The args of the job's configuration.

/** An argument is missing, unknown or of a wrong type; the message names it. */
export class Invalid extends Error {}

/** The args, of which no other than these are known. */
export function parse(text, known) {
  const args = JSON.parse(text);
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new Invalid("args: not a JSON object");
  }
  for (const name of Object.keys(args)) {
    if (!known.includes(name)) {
      throw new Invalid(`args: ${name} is not known`);
    }
  }
  return args;
}
