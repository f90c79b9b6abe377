/** Set-up of every test file, in every runtime: a test that talks to another machine fails. */
const realFetch = globalThis.fetch;

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
}

globalThis.fetch = ((input: Request | string | URL, init?: RequestInit) => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (!isLoopback(url.hostname)) throw new Error(`A test must not reach ${url.hostname}`);
  return realFetch(input, init);
}) as typeof fetch;
