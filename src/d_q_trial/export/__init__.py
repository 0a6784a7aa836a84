"""Machine-readable results: Parquet with a checked schema, CDISC analysis results, RO-Crate, manifest."""
