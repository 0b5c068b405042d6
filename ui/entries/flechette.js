// What reads; the writers would double its size.
export { Batch, Column, RowIndex, Table, Type, getCompressionCodec, setCompressionCodec, tableFromIPC } from "@uwdata/flechette";
