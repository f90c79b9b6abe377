/** Set-up of every test file, in every runtime: a test that talks to another machine fails. */
const realFetch = globalThis.fetch;

globalThis.fetch = ((input: Request | string | URL, init?: RequestInit) => {
  const { hostname } = new URL(input instanceof Request ? input.url : input);
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) {
    throw new Error(`A test must not reach ${hostname}`);
  }
  return realFetch(input, init);
}) as typeof fetch;

export {};
