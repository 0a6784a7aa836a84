"""Results that machines read: Parquet with a checked schema, CDISC analysis results, RO-Crate, manifest."""
