/** What more is used of the WebAssembly global than the embedding table uses. */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;
}
