"""Filter language of runs and experiments: tokens -> syntax tree -> Polars expression."""
