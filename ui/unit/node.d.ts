// The little of Node that unit tests call. Its own types would put Node's globals into the pages' modules as well.

declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
  export default test;
}

declare module "node:assert/strict" {
  function assert(value: unknown, message?: string): asserts value;
  namespace assert {
    function ok(value: unknown, message?: string): asserts value;
    function equal(actual: unknown, expected: unknown, message?: string): void;
    function notEqual(actual: unknown, expected: unknown, message?: string): void;
    function deepEqual(actual: unknown, expected: unknown, message?: string): void;
    function match(actual: string, expected: RegExp, message?: string): void;
    function throws(body: () => unknown, expected?: RegExp | object): void;
    function rejects(body: Promise<unknown> | (() => Promise<unknown>), expected?: RegExp | object): Promise<void>;
    function fail(message?: string): never;
  }
  export default assert;
}

declare module "node:child_process" {
  export function execFileSync(file: string, args: readonly string[], options: { encoding: "utf8" }): string;
}
