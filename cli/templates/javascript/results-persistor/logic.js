// What the persistor does, without a host: `npm test` tests it.

/** The key of a job's archive. */
export function key(job) {
  return `${job}.zip`;
}
