"""Click-through-rate prediction: any table with a label, categorical, numeric and sequence columns."""
