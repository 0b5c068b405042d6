// Workers are named *_worker.js and checked on their own: what a worker has is not what a page has.
export {};
