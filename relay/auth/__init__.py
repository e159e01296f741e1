"""Who is calling: one file for each way to prove it, one seam for all."""
