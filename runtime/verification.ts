/**
 * Whether invariants are checked that cost a walk over all rows (`verify()` of tables): `STARLING_VERIFY=1`, which tests
 * and chaos set. A shard that is asked for the digests of its rows then first looks whether its tables agree with
 * themselves, and answers with what does not, which breaks the laws of whoever compares.
 */
export const verifies = process.env['STARLING_VERIFY'] === '1';
