export { Batch, Column, RowIndex, Table, Type, getCompressionCodec, setCompressionCodec, tableFromIPC } from "@uwdata/flechette";
export type * from "@uwdata/flechette";
