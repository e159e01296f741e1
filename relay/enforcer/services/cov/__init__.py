"""The insurance check (COV) as public clients know it, over a few fictitious insured persons."""
