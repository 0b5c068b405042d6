export * from "../../../../../ui/entries/markdown.js";
